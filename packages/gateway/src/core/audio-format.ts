/** The six containers that OpenAI's speech route names. Opus travels in Ogg, AAC in ADTS; PCM is s16le without a header. */
export const AUDIO_FORMAT_NAMES = ["mp3", "opus", "aac", "flac", "wav", "pcm"] as const;
export type AudioFormatName = (typeof AUDIO_FORMAT_NAMES)[number];

/** How samples lie in pcm and wav: 16-bit little-endian, or a byte each by the telephone's µ-law and A-law (ITU-T G.711). */
export const SAMPLE_ENCODINGS = ["s16", "mulaw", "alaw"] as const;
export type SampleEncoding = (typeof SAMPLE_ENCODINGS)[number];

/** Container, codec, rate and bit rate of some audio. Always one channel: speech engines have one mouth. */
export type AudioFormat = {
  readonly name: AudioFormatName;
  readonly sampleRateHz: number;
  /** Of the encoder; absent where the codec has none (pcm, wav, flac). */
  readonly bitrateBps?: number;
  /** Of pcm and wav alone; absent: s16. */
  readonly encoding?: SampleEncoding;
};

/** What the gateway delivers: OpenAI's `pcm` is 24 kHz, and so are all the others, so that one can be made from another. */
export const DELIVERY_SAMPLE_RATE_HZ = 24_000;

/**
 * Rates that callers may ask for. A closed set: each pair of rates needs a filter of its own, and each rate is a copy of
 * its own in the cache. They are MPEG's, and all that telephones, browsers and the vendors' protocols name.
 */
export const SAMPLE_RATES_HZ = [8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] as const;
/** Rates that Opus has (RFC 6716 §2.1.3, and 48 kHz). */
export const OPUS_SAMPLE_RATES_HZ = [8000, 12_000, 16_000, 24_000, 48_000] as const;

/** Media types of the six as they are delivered by default. Of any other format `mimeType` tells. */
export const MIME_TYPES: Readonly<Record<AudioFormatName, string>> = {
  mp3: "audio/mpeg",
  opus: "audio/ogg; codecs=opus",
  aac: "audio/aac",
  flac: "audio/flac",
  wav: "audio/wav",
  pcm: "audio/pcm;rate=24000;channels=1",
};

/** Samples of run-in that a codec's decoder gives before the first sample that was encoded, and that the stream cannot announce. */
const START_DELAY_SAMPLES: Readonly<Record<AudioFormatName, number>> = {
  mp3: 1105, // LAME's 576 and the decoder's 529
  aac: 1024,
  opus: 0, // announces its own
  flac: 0,
  wav: 0,
  pcm: 0,
};

/** How much later than it was encoded a sound is heard in this format; measured. Word times shift by so much. */
export function startDelayMs({ name, sampleRateHz }: Pick<AudioFormat, "name" | "sampleRateHz">): number {
  return (START_DELAY_SAMPLES[name] / sampleRateHz) * 1000;
}

/** What a sample of pcm or wav is written as. */
export function encodingOf({ encoding = "s16" }: Pick<AudioFormat, "encoding">): SampleEncoding {
  return encoding;
}

/** Of one sample of pcm or wav. */
export function bytesPerSample(format: Pick<AudioFormat, "encoding">): 1 | 2 {
  return encodingOf(format) === "s16" ? 2 : 1;
}

/** Whether samples of this format have an encoding: pcm and wav do. */
export function hasEncoding(name: AudioFormatName): boolean {
  return name === "pcm" || name === "wav";
}

const G711_MIME_TYPES = { mulaw: "audio/PCMU", alaw: "audio/PCMA" } as const;

/** The media type. Raw µ-law at 8 kHz is `audio/basic` (RFC 2046), at other rates and A-law are RTP's types (RFC 4856). */
export function mimeType(format: AudioFormat): string {
  const { name, sampleRateHz } = format;
  const encoding = encodingOf(format);
  if (name !== "pcm") return MIME_TYPES[name];
  if (encoding === "s16") return `audio/pcm;rate=${sampleRateHz};channels=1`;
  if (encoding === "mulaw" && sampleRateHz === 8000) return "audio/basic";
  return `${G711_MIME_TYPES[encoding]};rate=${sampleRateHz}`;
}

/** The ending that a file of this format is given; headerless µ-law and A-law have Asterisk's. */
export function fileExtension(format: AudioFormat): string {
  const encoding = encodingOf(format);
  if (format.name === "opus") return "ogg";
  return format.name === "pcm" && encoding !== "s16" ? { mulaw: "ulaw", alaw: "alaw" }[encoding] : format.name;
}

/** What keeps a format from being delivered: which of its fields, and a sentence for the caller. */
export type FormatProblem = { readonly field: "encoding" | "sampleRateHz"; readonly message: string };

/** Why this format cannot be made for a caller; undefined: it can. */
export function formatProblem({ name, sampleRateHz, encoding }: AudioFormat): FormatProblem | undefined {
  if (encoding !== undefined && !hasEncoding(name))
    return { field: "encoding", message: `${name} has a codec of its own; an encoding is for wav and pcm` };
  const rates: readonly number[] = name === "opus" ? OPUS_SAMPLE_RATES_HZ : SAMPLE_RATES_HZ;
  if (rates.includes(sampleRateHz)) return undefined;
  return { field: "sampleRateHz", message: `${name} is made at one of these rates in hertz: ${rates.join(", ")}` };
}

/** Whether decoding gives back the very samples that were encoded. */
export function isLossless(format: AudioFormat): boolean {
  return format.name === "flac" || (hasEncoding(format.name) && encodingOf(format) === "s16");
}

export function sameFormat(a: AudioFormat, b: AudioFormat): boolean {
  return (
    a.name === b.name &&
    a.sampleRateHz === b.sampleRateHz &&
    a.bitrateBps === b.bitrateBps &&
    encodingOf(a) === encodingOf(b)
  );
}
