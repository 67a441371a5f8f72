import type { Gender, Voice, VoiceAge, VoiceTraits } from "../core/voice.ts";

/** A name that every client knows, and who stands in for it where the engine's voices are known too. */
export type KnownVoice = VoiceTraits & {
  /** Voices of engines that are often met (flite, Kokoro, Microsoft), each used where an engine lists it. */
  readonly ids: readonly string[];
};

const voice = (gender: Gender, age: VoiceAge, style: string, ...ids: string[]): KnownVoice => ({
  gender,
  age,
  style,
  ids,
});

/** OpenAI's thirteen voices by how they sound; any engine can stand in for them. */
export const OPENAI_VOICES: ReadonlyMap<string, KnownVoice> = new Map([
  ["alloy", voice("female", "young", "neutral", "slt", "af_alloy", "en-US-AvaNeural")],
  ["ash", voice("male", "middle", "confident", "rms", "am_michael", "en-US-AndrewNeural")],
  ["ballad", voice("male", "young", "warm", "awb", "bm_george", "en-GB-ThomasNeural")],
  ["cedar", voice("male", "middle", "calm", "rms", "am_adam", "en-US-BrianNeural")],
  ["coral", voice("female", "young", "friendly", "slt", "af_bella", "en-US-JennyNeural")],
  ["echo", voice("male", "young", "calm", "rms", "am_echo", "en-US-GuyNeural")],
  ["fable", voice("male", "young", "expressive", "awb", "bm_fable", "en-GB-RyanNeural")],
  ["marin", voice("female", "young", "natural", "slt", "af_heart", "en-US-EmmaNeural")],
  ["nova", voice("female", "young", "bright", "slt", "af_nova", "en-US-AriaNeural")],
  ["onyx", voice("male", "old", "deep", "rms", "am_onyx", "en-US-ChristopherNeural")],
  ["sage", voice("female", "middle", "calm", "slt", "af_sarah", "en-US-MichelleNeural")],
  ["shimmer", voice("female", "young", "soft", "slt", "af_sky", "en-GB-SoniaNeural")],
  ["verse", voice("male", "young", "expressive", "awb", "am_liam", "en-US-EricNeural")],
]);

/** Kokoro's ids begin with a letter for the language and one for the gender: `bf_emma`. */
const KOKORO_ID = /^([abefhijpz])([fm])_[a-z0-9]+$/;
const KOKORO_LANGUAGES: Readonly<Record<string, string>> = {
  a: "en-US",
  b: "en-GB",
  e: "es",
  f: "fr-FR",
  h: "hi",
  i: "it",
  j: "ja",
  p: "pt-BR",
  z: "zh",
};
/** Microsoft's, of Azure and Edge: `de-DE-KatjaNeural`, `en-US-EmmaMultilingualNeural`. */
const MICROSOFT_ID = /^([a-z]{2,3}-(?:[A-Z][a-z]{3}-)?[A-Z]{2})-[A-Za-z-]+?(?:Multilingual)?Neural$/;

/** What an id tells by its form: all that is known of a voice whose server lists bare ids, or none. */
export function traitsOfId(id: string): VoiceTraits {
  const [, letter, gender] = KOKORO_ID.exec(id) ?? [];
  if (letter !== undefined) return { language: KOKORO_LANGUAGES[letter]!, gender: gender === "f" ? "female" : "male" };
  const microsoft = MICROSOFT_ID.exec(id)?.[1];
  if (microsoft !== undefined) return { language: microsoft };
  const openai = OPENAI_VOICES.get(id);
  return openai === undefined ? {} : { language: "mul", gender: openai.gender! };
}

/** The voice with what its id adds to what its engine says. */
export function enriched(listed: Voice): Voice {
  if (listed.gender !== undefined && listed.language !== "und") return listed;
  const { language, gender } = traitsOfId(listed.id);
  const known = listed.language === "und" && language !== undefined ? language : listed.language;
  return { ...listed, language: known, ...(listed.gender === undefined && gender !== undefined && { gender }) };
}
