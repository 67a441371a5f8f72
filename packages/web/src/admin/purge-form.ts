import { byId, h } from "../shared/dom.ts";
import { count } from "../shared/wording.ts";
import type { Act } from "./admin.ts";
import type { AdminApi } from "./admin-api.ts";

type Kind = {
  readonly label: string;
  readonly value?: string;
  readonly body: (value: string, voice: string) => object;
};

const KINDS: Readonly<Record<string, Kind>> = {
  speech: {
    label: "What a request would hear",
    value: "Text",
    body: (input, voice) => ({ speech: { input, ...(voice && { voice }) } }),
  },
  voice: { label: "A voice", value: "The engine's own voice id", body: (voice) => ({ voice }) },
  engine: { label: "An engine", value: "Engine", body: (engine) => ({ engine }) },
  tag: { label: "A tag", value: "Tag", body: (tag) => ({ tag }) },
  key: { label: "One entry", value: "Key, 64 hex digits", body: (key) => ({ key }) },
  all: { label: "Everything", body: () => ({ all: true }) },
};
/** How long a second click still counts as the answer to the first. */
const SURE_MS = 5_000;

/** Takes stored audio away. Everything goes only by two clicks. */
export function purgeForm(api: AdminApi, act: Act, started: () => Promise<void>): void {
  const what = byId("purge-what", HTMLSelectElement);
  const value = byId("purge-value", HTMLInputElement);
  const voice = byId("purge-voice", HTMLInputElement);
  const button = byId("purge-button", HTMLButtonElement);
  const note = byId("purge-note", HTMLElement);
  let sureUntil = 0;
  what.append(...Object.entries(KINDS).map(([name, { label }]) => h("option", { value: name }, label)));

  const kind = () => KINDS[what.value] ?? KINDS.speech!;
  function calm(): void {
    sureUntil = 0;
    button.textContent = "Purge";
  }
  function show(): void {
    byId("purge-value-label", HTMLElement).textContent = kind().value ?? "";
    byId("purge-value-field", HTMLElement).hidden = kind().value === undefined;
    byId("purge-voice-field", HTMLElement).hidden = what.value !== "speech";
    note.textContent = "";
    calm();
  }
  what.addEventListener("change", show);
  show();

  byId("purge", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    if (what.value === "all" && performance.now() > sureUntil) {
      sureUntil = performance.now() + SURE_MS;
      button.textContent = "Really purge everything";
      setTimeout(calm, SURE_MS);
      return;
    }
    calm();
    act("", async () => {
      const answer = await api.purge(kind().body(value.value.trim(), voice.value.trim()));
      note.textContent = "removed" in answer ? `${count(answer.removed)} removed.` : "It runs; see below.";
      await started();
    });
  });
}
