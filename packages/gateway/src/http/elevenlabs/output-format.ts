import type { AudioFormat } from "../../core/audio-format.ts";
import { SpeechError } from "../../core/errors.ts";

const PCM_RATES_HZ = [8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000];
const MP3: readonly (readonly [rate: number, kbps: number])[] = [
  [22_050, 32],
  [24_000, 48],
  ...[32, 64, 96, 128, 192].map((kbps) => [44_100, kbps] as const),
];
const OPUS_KBPS = [32, 64, 96, 128, 192];

/** Every `output_format` that ElevenLabs names, as a format of ours. A closed set: each is a copy of its own in the cache. */
const FORMATS: ReadonlyMap<string, AudioFormat> = new Map<string, AudioFormat>([
  ...MP3.map(([rate, kbps]) =>
    entry(`mp3_${rate}_${kbps}`, { name: "mp3", sampleRateHz: rate, bitrateBps: kbps * 1000 }),
  ),
  ...OPUS_KBPS.map((kbps) =>
    entry(`opus_48000_${kbps}`, { name: "opus", sampleRateHz: 48_000, bitrateBps: kbps * 1000 }),
  ),
  ...PCM_RATES_HZ.map((rate) => entry(`pcm_${rate}`, { name: "pcm", sampleRateHz: rate })),
  ...PCM_RATES_HZ.map((rate) => entry(`wav_${rate}`, { name: "wav", sampleRateHz: rate })),
  entry("ulaw_8000", { name: "pcm", sampleRateHz: 8000, encoding: "mulaw" }),
  entry("alaw_8000", { name: "pcm", sampleRateHz: 8000, encoding: "alaw" }),
]);

const DEFAULT_FORMAT = "mp3_44100_128";

/** Throws `invalid_request` for a name that is none of theirs, telling those that are. */
export function outputFormatOf(name: string | null | undefined): AudioFormat {
  const format = FORMATS.get(name ?? DEFAULT_FORMAT);
  if (format !== undefined) return format;
  throw new SpeechError("invalid_request", `"output_format" must be one of ${[...FORMATS.keys()].join(", ")}`, {
    param: "output_format",
  });
}

function entry(name: string, format: AudioFormat): [string, AudioFormat] {
  return [name, format];
}
