import type { SpokenWord } from "@mynah/protocol";
import { deferred } from "../deferred.ts";
import { formatOfType } from "./mime.ts";
import type { Output, Playback, PlaybackEnd, PlayOptions, RawAudio, Source } from "./playback.ts";
import { wordClock } from "./word-clock.ts";

type Format = Pick<RawAudio, "format" | "sampleRateHz">;

/** Moves what arrives into the output that its format needs, and tells words and ends from there. */
export function startPlayback(
  source: Source,
  { signal, onWord }: PlayOptions,
  openOutput: (format: Format, onBegun: () => void) => Output,
): Playback {
  let output: Output | undefined;
  let end: PlaybackEnd | undefined;
  const begun = deferred<void>();
  const stopped = deferred<PlaybackEnd>();
  const words = (): readonly SpokenWord[] => ("words" in source ? source.words : []);
  const clock = wordClock(
    words,
    () => output?.positionMs(true) ?? 0,
    (word) => onWord?.(word),
  );
  const unsubscribe = "on" in source && onWord ? source.on("words", clock.check) : undefined;

  function finish(outcome: PlaybackEnd["outcome"]): PlaybackEnd {
    const positionMs = output?.positionMs() ?? 0;
    const heard = words().filter(({ startMs }) => startMs < positionMs);
    const told = { outcome, positionMs, heard, underruns: output?.underruns() ?? 0 };
    end = told;
    clock.check();
    clock.stop();
    unsubscribe?.();
    signal?.removeEventListener("abort", onAbort);
    return told;
  }
  function stop(): PlaybackEnd {
    if (end) return end;
    output?.stop();
    const told = finish("stopped");
    if ("cancel" in source) void source.cancel().catch(() => {});
    stopped.resolve(told);
    return told;
  }
  function onAbort(): void {
    stopped.reject(signal?.reason);
    stop();
  }
  async function run(): Promise<PlaybackEnd> {
    let error: unknown;
    try {
      const format = await formatOf(source);
      for await (const chunk of source.audio) {
        if (end) break;
        output ??= openOutput(format, () => {
          begun.resolve();
          clock.check();
        });
        await output.write(chunk);
      }
    } catch (thrown) {
      error = thrown ?? new Error("The audio broke off");
    }
    if (!end) await output?.finish();
    const told = end ?? finish(error === undefined ? "ended" : "stopped");
    if (error !== undefined) throw error;
    return told;
  }

  const ended = Promise.race([stopped.promise, run()]);
  ended.catch(() => {}); // nobody has to listen
  if (signal?.aborted) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  return {
    get positionMs() {
      return end?.positionMs ?? output?.positionMs() ?? 0;
    },
    begun: begun.promise,
    ended,
    stop,
  };
}

async function formatOf(source: Source): Promise<Format> {
  if ("format" in source) return source;
  // An utterance that was cancelled before it began is done, and never starts.
  if ("started" in source) {
    const first = await Promise.race([source.started, source.done]);
    return "format" in first ? first : { format: "pcm" };
  }
  const format = formatOfType(source.contentType);
  if (!format) throw new TypeError(`${source.contentType} cannot be played`);
  const rate = /;\s*rate=(\d+)/i.exec(source.contentType)?.[1];
  return { format, ...(rate && { sampleRateHz: Number(rate) }) };
}
