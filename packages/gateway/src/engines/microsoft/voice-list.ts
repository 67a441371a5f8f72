import { z } from "zod";
import type { Gender, Voice } from "../../core/voice.ts";

/** A few hundred voices of less than 1 KB each, with much room. */
const MAX_LIST_BYTES = 8 << 20;
const GENDERS: Readonly<Record<string, Gender>> = { female: "female", male: "male", neutral: "neutral" };
const strings = z.array(z.string().min(1)).optional().catch(undefined);
const Entry = z.object({
  ShortName: z.string().min(1),
  Locale: z.string().min(2),
  Gender: z.string().optional(),
  SecondaryLocaleList: strings,
  StyleList: strings,
});

/**
 * The voices in a list of Microsoft's: both services give the same fields, each some more. Entries that make no sense are
 * left out. Rejects with a plain Error for what is no list, has no voice in it or is too long.
 */
export async function readVoiceList(response: Response, engine: string): Promise<Voice[]> {
  const list: unknown = JSON.parse(await boundedText(response));
  const entries = Array.isArray(list) ? list : [];
  const voices = new Map<string, Voice>();
  for (const entry of entries) {
    const { success, data } = Entry.safeParse(entry);
    if (!success) continue;
    const gender = GENDERS[data.Gender?.toLowerCase() ?? ""];
    const { ShortName: id, Locale: language, SecondaryLocaleList: languages, StyleList: styles } = data;
    const more = { ...(gender && { gender }), ...(languages && { languages }), ...(styles && { styles }) };
    voices.set(id, { id, name: spokenName(id), language, engine, ...more });
  }
  if (voices.size === 0) throw new Error("no voice in the list");
  return [...voices.values()];
}

/** `en-US-EmmaMultilingualNeural` → `Emma Multilingual`. */
function spokenName(shortName: string): string {
  const name = shortName.slice(shortName.lastIndexOf("-") + 1).replace(/Neural$/, "");
  return name.replace(/(?<=\p{Ll})(?=\p{Lu})/gu, " ") || shortName;
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_LIST_BYTES) throw new Error(`a list of more than ${MAX_LIST_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
