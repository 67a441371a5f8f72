/** The six containers that OpenAI's speech route names. Opus travels in Ogg, AAC in ADTS; PCM is s16le without a header. */
export const AUDIO_FORMAT_NAMES = ["mp3", "opus", "aac", "flac", "wav", "pcm"] as const;
export type AudioFormatName = (typeof AUDIO_FORMAT_NAMES)[number];

/** Container, codec, rate and bit rate of some audio. Always one channel: speech engines have one mouth. */
export type AudioFormat = {
  readonly name: AudioFormatName;
  readonly sampleRateHz: number;
  /** Of the encoder; absent where the codec has none (pcm, wav, flac). */
  readonly bitrateBps?: number;
};

/** What the gateway delivers: OpenAI's `pcm` is 24 kHz, and so are all the others, so that one can be made from another. */
export const DELIVERY_SAMPLE_RATE_HZ = 24_000;

export const MIME_TYPES: Readonly<Record<AudioFormatName, string>> = {
  mp3: "audio/mpeg",
  opus: "audio/ogg; codecs=opus",
  aac: "audio/aac",
  flac: "audio/flac",
  wav: "audio/wav",
  pcm: "audio/pcm;rate=24000;channels=1",
};

const LOSSLESS: ReadonlySet<AudioFormatName> = new Set(["pcm", "wav", "flac"]);

/** Whether decoding gives back the very samples that were encoded. */
export function isLossless(name: AudioFormatName): boolean {
  return LOSSLESS.has(name);
}

export function sameFormat(a: AudioFormat, b: AudioFormat): boolean {
  return a.name === b.name && a.sampleRateHz === b.sampleRateHz && a.bitrateBps === b.bitrateBps;
}
