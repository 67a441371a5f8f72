import type { SpeechEngine } from "../../src/core/ports.ts";
import type { Voice } from "../../src/core/voice.ts";
import { standInEngine } from "./stand-in-engine.ts";

/** What a list says of a voice, in a line: `id language gender`. */
export function voices(engine: string, ...lines: (string | (Partial<Voice> & { id: string }))[]): Voice[] {
  return lines.map((line) => {
    if (typeof line !== "string") return { name: line.id, language: "und", engine, ...line };
    const [id = "", language = "und", gender] = line.split(" ");
    return { id, name: id, language, engine, ...(gender !== undefined && { gender: gender as "female" | "male" }) };
  });
}

/** An engine with these voices; its list can be made to change, fail or hang between two questions. */
export function voicedEngine(name: string, ...lines: Parameters<typeof voices>[1][]) {
  const state = { asked: 0, list: async (_: AbortSignal): Promise<readonly Voice[]> => voices(name, ...lines) };
  const tones = standInEngine({ name });
  const { version, capabilities, outputFormat, close } = tones;
  const engine: SpeechEngine = {
    ...{ name, version, capabilities, outputFormat, close },
    synthesize: (request, options) => tones.synthesize({ ...request, voice: "one" }, options), // it knows no others
    async voices({ signal }) {
      state.asked++;
      return state.list(signal);
    },
  };
  return Object.assign(engine, { state });
}
