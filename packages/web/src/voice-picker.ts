import type { VoiceInfo } from "@mynah/client";
import { byId, h } from "./dom.ts";
import { voiceGroups, voiceLabel } from "./voice-groups.ts";

/** From this many voices on, a list alone is no longer a way to find one. */
const SEARCH_FROM = 12;

export type VoicePicker = {
  /** Empty until there are voices. */
  value: string;
  setVoices(voices: readonly VoiceInfo[]): void;
};

/** The voice select, with a search above it once the list is long. */
export function voicePicker(changed: () => void): VoicePicker {
  const select = byId("voice", HTMLSelectElement);
  const search = byId("voice-search", HTMLInputElement);
  const count = byId("voice-count", HTMLElement);
  let voices: readonly VoiceInfo[] = [];
  let wanted = "";

  function show(): void {
    const groups = voiceGroups(voices, search.value, navigator.language || "en");
    const found = groups.reduce((sum, group) => sum + group.voices.length, 0);
    count.textContent = found === voices.length ? `${found}` : `${found} of ${voices.length}`;
    if (found === 0 && voices.length > 0) return; // nothing matches: the list and the choice stay
    select.replaceChildren(
      ...groups.map(({ label, voices: members }) => {
        const options = members.map((voice) => h("option", { value: voice.id }, voiceLabel(voice)));
        return h("optgroup", { label }, ...options);
      }),
    );
    select.value = wanted;
    // Gone from the list or filtered out: what the reader now sees is what will speak.
    if (select.selectedIndex < 0 && select.options.length > 0) select.selectedIndex = 0;
  }
  search.addEventListener("input", () => {
    show();
    changed();
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      select.focus();
    } else if (event.key === "Enter") event.preventDefault(); // searching is not speaking yet
  });
  select.addEventListener("change", () => {
    wanted = select.value;
    changed();
  });

  return {
    get value() {
      return select.value;
    },
    set value(id) {
      wanted = id;
      search.value = "";
      show();
    },
    setVoices(list) {
      voices = list;
      wanted ||= list[0]?.id ?? ""; // the gateway lists the engine it prefers first
      search.hidden = list.length < SEARCH_FROM;
      show();
    },
  };
}
