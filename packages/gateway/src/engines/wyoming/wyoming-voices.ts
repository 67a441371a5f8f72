import { z } from "zod";
import type { Voice } from "../../core/voice.ts";

/** A voice as it is asked for: multi-speaker models have one name and several speakers. */
export type WyomingVoice = Voice & { readonly ask: { readonly name: string; readonly speaker?: string } };

const LANGUAGE = /^[a-z]{2,3}([-_][a-z0-9]+)*$/i;
const Entry = z.object({
  name: z.string().min(1),
  installed: z.boolean().optional(),
  description: z.string().nullish(),
  languages: z.array(z.string()).catch([]),
  speakers: z
    .array(z.object({ name: z.string().min(1) }))
    .nullish()
    .catch(undefined),
});

/** The voices in the data of `info`: of all its programs, those that are installed. A speaker's id is `voice#speaker`. */
export function wyomingVoices(info: Readonly<Record<string, unknown>>, engine: string): WyomingVoice[] {
  const programs = (Array.isArray(info.tts) ? info.tts : []) as readonly ({ voices?: unknown } | null)[];
  const entries = programs.flatMap((program) => (Array.isArray(program?.voices) ? (program.voices as unknown[]) : []));
  const voices = new Map<string, WyomingVoice>();
  for (const entry of entries) {
    const { success, data } = Entry.safeParse(entry);
    if (!success || data.installed === false) continue;
    const [language = "und", ...languages] = data.languages.filter((tag) => LANGUAGE.test(tag)).map(bcp47);
    const common = { language, engine, ...(languages.length > 0 && { languages }) };
    const { name, speakers } = data;
    for (const speaker of speakers?.map((each) => each.name) ?? [undefined]) {
      const id = speaker === undefined ? name : `${name}#${speaker}`;
      const ask = { name, ...(speaker !== undefined && { speaker }) };
      voices.set(id, { id, name: speaker ?? data.description ?? name, ...common, ask });
    }
  }
  return [...voices.values()];
}

function bcp47(tag: string): string {
  return tag.replaceAll("_", "-");
}
