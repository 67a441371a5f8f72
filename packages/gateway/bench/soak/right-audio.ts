import { createTranscoder } from "../../src/audio/transcode.ts";
import { only } from "../../src/core/async.ts";
import { type AudioFormat, startDelayMs } from "../../src/core/audio-format.ts";
import { decodeWithFfmpeg, int16 } from "../../test/support/audio-decode.ts";
import { toneAudio } from "../../test/support/stand-in-engine.ts";
import { within } from "./deadline.ts";

export type Expected = { readonly text: string; readonly voice: string; readonly format: AudioFormat["name"] };

const PCM = { name: "pcm", sampleRateHz: 24_000 } as const;
/** Opus at low rates shifts its waveform by up to half a millisecond. */
const MAX_SHIFT = 16;
/** Measured on these tones: MP3 above 0.999, Opus above 0.96; another text or voice below 0.5. */
const ALIKE = 0.9;
/** MP3 ends with the frame that its last sample needs, and one more for the overlap. */
const MP3_MAX_PADDING = 3 * 576;
const DECODE_MS = 30_000;
/** One in so many is decoded by somebody else's decoder as well: a process each. */
const FOREIGN_EVERY = 25;

/** Listens to answers: is it this text, in this voice, to the sample? */
export class AudioJudge {
  readonly #transcoder = createTranscoder({ workers: 1 });
  #listened = 0;

  /** What is wrong with it. `mayBeLossy`: it may have been made from a stored copy in a lossy format. */
  async problemOf(
    body: Uint8Array,
    { text, voice, format }: Expected,
    mayBeLossy: boolean,
  ): Promise<string | undefined> {
    const whole = { text, voice, speed: 1, pitch: 1, volume: 1, wanted: PCM };
    const expected = int16(toneAudio(whole));
    const foreign = format !== "pcm" && this.#listened++ % FOREIGN_EVERY === 0;
    try {
      const samples = foreign ? decodeWithFfmpeg(body, format) : await this.#decoded(body, format);
      return difference(samples, expected, format, mayBeLossy);
    } catch (error) {
      return (error as Error).message;
    }
  }

  async close(): Promise<void> {
    await this.#transcoder.close();
  }

  async #decoded(body: Uint8Array, name: AudioFormat["name"]): Promise<Int16Array> {
    if (name === "pcm") return int16(body);
    const collect = async (): Promise<Int16Array> => {
      const { signal } = new AbortController();
      const chunks: Uint8Array[] = [];
      const from = { name, sampleRateHz: PCM.sampleRateHz };
      for await (const chunk of this.#transcoder.transcode(only(body), from, PCM, { signal })) chunks.push(chunk);
      return int16(Buffer.concat(chunks));
    };
    return within(DECODE_MS, `an answer in ${name} to be decoded`, collect());
  }
}

function difference(
  samples: Int16Array,
  expected: Int16Array,
  name: AudioFormat["name"],
  mayBeLossy: boolean,
): string | undefined {
  const { sampleRateHz } = PCM;
  const lead = Math.round((startDelayMs({ name, sampleRateHz }) * sampleRateHz) / 1000);
  const more = samples.length - expected.length;
  const padding = name === "mp3" ? MP3_MAX_PADDING : 0;
  if (more < lead || more > lead + padding) return `${more} samples more than were spoken`;
  const isLossless = name === "pcm" || name === "flac";
  if (isLossless && !mayBeLossy) return samples.every((sample, at) => sample === expected[at]) ? undefined : "changed";
  let best = -1;
  for (let shift = -MAX_SHIFT; shift <= MAX_SHIFT; shift++)
    best = Math.max(best, likeness(samples, expected, lead + shift));
  return best >= ALIKE ? undefined : `something else (likeness ${best.toFixed(2)})`;
}

/** Correlation, 1 for the same waveform. */
function likeness(samples: Int16Array, expected: Int16Array, shift: number): number {
  let [product, ours, theirs] = [0, 0, 0];
  for (let at = 0; at < expected.length; at++) {
    const sample = samples[at + shift] ?? 0;
    product += sample * expected[at]!;
    ours += sample ** 2;
    theirs += expected[at]! ** 2;
  }
  return product / Math.sqrt(ours * theirs || 1);
}
