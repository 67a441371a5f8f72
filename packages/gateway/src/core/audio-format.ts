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

const LOSSLESS: ReadonlySet<AudioFormatName> = new Set(["pcm", "wav", "flac"]);

/** Whether decoding gives back the very samples that were encoded. */
export function isLossless(name: AudioFormatName): boolean {
  return LOSSLESS.has(name);
}

export function sameFormat(a: AudioFormat, b: AudioFormat): boolean {
  return a.name === b.name && a.sampleRateHz === b.sampleRateHz && a.bitrateBps === b.bitrateBps;
}
