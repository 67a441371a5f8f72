import { z } from "zod";
import { SpeechError } from "../../core/errors.ts";
import type { Gender, Voice, VoiceAge } from "../../core/voice.ts";
import { answerJson } from "../remote/ask-server.ts";

const MAX_LIST_BYTES = 8 * 1024 * 1024;
const AGES: Readonly<Record<string, VoiceAge>> = { "young adult": "young", adult: "middle", mature: "old" };
const GENDERS: Readonly<Record<string, Gender>> = { feminine: "female", masculine: "male" };
const LANGUAGE = /^[a-z]{2,3}(-[a-z0-9]+)*$/i;
const Entry = z.object({
  name: z.string().min(1),
  canonical_name: z.string().min(1),
  languages: z.array(z.string()).nullish(),
  metadata: z
    .object({ accent: z.string().nullish(), age: z.string().nullish(), tags: z.array(z.string()).nullish() })
    .nullish()
    .catch(undefined),
});

/** The voices in a list of Deepgram's models, whose tags say what they are like. */
export async function deepgramVoices(response: Response, engine: string): Promise<Voice[]> {
  const body = (await answerJson(response, MAX_LIST_BYTES)) as { tts?: unknown } | null | undefined;
  if (!Array.isArray(body?.tts))
    throw new SpeechError("engine_failed", `${engine} does not list its voices`, { engine });
  const voices = new Map(body.tts.flatMap((entry) => voiceFrom(entry, engine)).map((voice) => [voice.id, voice]));
  return [...voices.values()];
}

function voiceFrom(entry: unknown, engine: string): Voice[] {
  const { success, data } = Entry.safeParse(entry);
  if (!success) return [];
  const { accent, age, tags } = data.metadata ?? {};
  const known = (data.languages ?? []).filter((language) => LANGUAGE.test(language));
  // `en` and `en-US` are both listed: the longest says most
  const [language = "und"] = known.toSorted((a, b) => b.length - a.length);
  const gender = tags?.map((tag) => GENDERS[tag.toLowerCase()]).find((found) => found !== undefined);
  const years = AGES[age?.toLowerCase() ?? ""];
  return [
    {
      ...{ id: data.canonical_name, name: capitalized(data.name), language, engine },
      ...(gender && { gender }),
      ...(years && { age: years }),
      ...(accent && { accent: accent.toLowerCase() }),
    },
  ];
}

function capitalized(name: string): string {
  return `${name[0]!.toUpperCase()}${name.slice(1)}`;
}
