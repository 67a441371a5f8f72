import type { AudioFormat } from "../../core/audio-format.ts";
import { SpeechError } from "../../core/errors.ts";

const RATES_HZ = [8000, 16_000, 22_050, 24_000, 44_100, 48_000];
const MP3_BIT_RATES = [32_000, 64_000, 96_000, 128_000, 192_000];
const ENCODINGS = ["pcm_s16le", "pcm_f32le", "pcm_mulaw", "pcm_alaw"] as const;
const DEFAULT_BIT_RATE = 128_000;

/** What a caller asks for; checked by `outputFormatOf` alone, for it comes over HTTP and over a socket. */
export type CartesiaOutputFormat = {
  readonly container?: unknown;
  readonly encoding?: unknown;
  readonly sample_rate?: unknown;
  readonly bit_rate?: unknown;
};

/** What we make, and what is made of it on the way out. */
export type Output = {
  readonly format: AudioFormat;
  /** 32-bit floats, made of 16-bit samples; with a header of their own in WAV. */
  readonly float?: "raw" | "wav";
};

/** Throws `invalid_request` for what none of Cartesia's clients can name. */
export function outputFormatOf(asked: CartesiaOutputFormat): Output {
  const { container, encoding = "pcm_s16le", sample_rate: rate = 24_000, bit_rate: bitRate = DEFAULT_BIT_RATE } = asked;
  const sampleRateHz = oneOf("sample_rate", rate, RATES_HZ);
  if (oneOf("container", container, ["raw", "wav", "mp3"] as const) === "mp3")
    return { format: { name: "mp3", sampleRateHz, bitrateBps: oneOf("bit_rate", bitRate, MP3_BIT_RATES) } };
  const name = container === "wav" ? "wav" : "pcm";
  switch (oneOf("encoding", encoding, ENCODINGS)) {
    case "pcm_s16le":
      return { format: { name, sampleRateHz } };
    case "pcm_mulaw":
      return { format: { name, sampleRateHz, encoding: "mulaw" } };
    case "pcm_alaw":
      return { format: { name, sampleRateHz, encoding: "alaw" } };
    case "pcm_f32le":
      return { format: { name: "pcm", sampleRateHz }, float: name === "wav" ? "wav" : "raw" };
  }
}

function oneOf<T extends string | number>(field: string, value: unknown, allowed: readonly T[]): T {
  if ((allowed as readonly unknown[]).includes(value)) return value as T;
  throw new SpeechError("invalid_request", `"output_format.${field}" must be one of ${allowed.join(", ")}`, {
    param: `output_format.${field}`,
  });
}
