/**
 * Listens to what an engine sends while it passes it on. Before anything is let through: the right container, something
 * audible, no noise; and where the end comes together with the beginning, also the right length. Afterwards: an end, and
 * enough of it. What is noticed before can still be said by another engine; what is noticed afterwards cuts the answer,
 * because a clean end would say that all was heard.
 */
import { concat } from "../core/async.ts";
import { type AudioFormat, bytesPerSample } from "../core/audio-format.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions, SynthesisChunk, SynthesisRequest, Transcoder } from "../core/ports.ts";
import { audible } from "./audible.ts";
import { rightHead, wavHead } from "./audio-head.ts";
import { MAX_SEGMENT_MS, type SpeechLength, speechLength, type UsualPace } from "./plausible.ts";

export type RightAudioOptions = CallOptions & {
  readonly request: SynthesisRequest;
  /** What the engine promised. */
  readonly format: AudioFormat;
  readonly transcoder: Transcoder;
  readonly pace: UsualPace;
};

/** More than any encoder of speech makes of a second: 320 kbit/s. */
const MAX_CODED_BYTES_PER_S = 40_000;
/** Of the beginning, while it comes faster than it could be spoken. */
const MAX_HELD_BYTES = 64 * 1024;

/** Throws `engine_no_audio` for silence, `engine_failed` for what is not, or not all of, this text's speech. */
export async function* rightAudio(
  chunks: AsyncIterable<SynthesisChunk>,
  options: RightAudioOptions,
): AsyncGenerator<SynthesisChunk> {
  const length = speechLength(options.request.text, options.request.speed);
  const maxBytes = mostBytes(length, options.format);
  const sent: Uint8Array[] = [];
  let bytes = 0;
  const listened = audible(rightHead(chunks, options.format), options);
  const take = (chunk: SynthesisChunk): SynthesisChunk => {
    if (chunk.audio === undefined) return chunk;
    sent.push(chunk.audio);
    bytes += chunk.audio.byteLength;
    if (bytes > maxBytes) throw new SpeechError("engine_failed", "the engine does not come to an end");
    return chunk;
  };
  try {
    const head = await burst(listened, take);
    if (head.ended) await checkLength(sent, length, options);
    yield* head.held;
    if (head.ended) return;
    for (let next = await head.pending; !next.done; next = await listened.next()) yield take(next.value);
    await checkLength(sent, length, options);
  } finally {
    // Not awaited: what is pending may hang until its deadline.
    void listened.return(undefined).catch(() => {});
  }
}

type Burst =
  | { readonly held: readonly SynthesisChunk[]; readonly ended: true }
  | {
      readonly held: readonly SynthesisChunk[];
      readonly ended: false;
      readonly pending: Promise<IteratorResult<SynthesisChunk>>;
    };

/** What comes at once: until something has to be waited for, the end, or a bound. */
async function burst(
  source: AsyncIterator<SynthesisChunk>,
  take: (chunk: SynthesisChunk) => SynthesisChunk,
): Promise<Burst> {
  const held: SynthesisChunk[] = [];
  let heldBytes = 0;
  for (let pending = source.next(); ; pending = source.next()) {
    pending.catch(() => {}); // thrown when it is awaited
    const next = await (held.length === 0 ? pending : Promise.race([pending, turn()]));
    if (next === undefined || heldBytes > MAX_HELD_BYTES) return { held, ended: false, pending };
    if (next.done) return { held, ended: true };
    held.push(take(next.value));
    heldBytes += next.value.audio?.byteLength ?? 0;
  }
}

const turn = (): Promise<undefined> => new Promise((resolve) => setImmediate(resolve, undefined));

function mostBytes({ maxMs }: SpeechLength, { name, sampleRateHz }: AudioFormat): number {
  const lossless = name === "pcm" || name === "wav" || name === "flac";
  return (maxMs / 1000) * Math.max(MAX_CODED_BYTES_PER_S, lossless ? sampleRateHz * 2 : 0);
}

async function checkLength(
  sent: readonly Uint8Array[],
  length: SpeechLength,
  options: RightAudioOptions,
): Promise<void> {
  const { request, pace } = options;
  const { text, voice, speed } = request;
  const minMs = pace.minMs(voice, length, speed);
  if (minMs === 0 && options.format.name !== "wav") return;
  const durationMs = await durationOf(sent, options);
  if (durationMs > length.maxMs) throw cutOr("more", text, durationMs);
  if (durationMs < minMs) throw cutOr("less", text, durationMs);
  pace.learn(voice, length, speed, durationMs);
}

async function durationOf(sent: readonly Uint8Array[], options: RightAudioOptions): Promise<number> {
  const { format, transcoder, signal } = options;
  const bytes = sent.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  if (format.name === "pcm") return (bytes / bytesPerSample(format) / format.sampleRateHz) * 1000;
  const whole = concat(sent);
  if (format.name === "wav") {
    const head = wavHead(whole);
    if (head !== undefined) {
      const dataBytes = bytes - head.dataAt;
      if (head.dataBytes !== undefined && dataBytes < head.dataBytes)
        throw new SpeechError("engine_failed", `the engine ended ${head.dataBytes - dataBytes} bytes early`);
      return (dataBytes / head.bytesPerSecond) * 1000;
    }
  }
  try {
    return (await transcoder.inspect(whole, format, { signal, maxMs: MAX_SEGMENT_MS })).durationMs;
  } catch (error) {
    signal.throwIfAborted();
    throw new SpeechError("engine_failed", `the engine's ${format.name} is broken`, { cause: error });
  }
}

function cutOr(kind: "more" | "less", text: string, durationMs: number): SpeechError {
  const seconds = (durationMs / 1000).toFixed(1);
  const than = kind === "less" ? "less than a whole clip" : "more than speech";
  return new SpeechError("engine_failed", `the engine sent ${seconds} s for ${text.length} characters, ${than}`);
}
