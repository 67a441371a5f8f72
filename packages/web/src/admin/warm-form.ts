import { AUDIO_FORMATS } from "@mynah/client";
import { byId, h } from "../shared/dom.ts";
import type { Act } from "./admin.ts";
import type { AdminApi } from "./admin-api.ts";

/** Has phrases made before anybody asks for them. */
export function warmForm(api: AdminApi, act: Act, started: () => Promise<void>): void {
  const phrases = byId("warm-phrases", HTMLTextAreaElement);
  const voice = byId("warm-voice", HTMLInputElement);
  const format = byId("warm-format", HTMLSelectElement);
  const tag = byId("warm-tag", HTMLInputElement);
  format.append(...AUDIO_FORMATS.map((name) => h("option", {}, name)));

  byId("warm", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const lines = phrases.value.split("\n").map((line) => line.trim());
    act("Warming has begun.", async () => {
      await api.warm({
        phrases: lines.filter((line) => line !== ""),
        ...{ voice: voice.value.trim(), response_format: format.value },
        ...(tag.value.trim() !== "" && { tag: tag.value.trim() }),
      });
      await started();
    });
  });
}
