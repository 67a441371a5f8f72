/**
 * What a cache is worth on real dialogues: every reply of the trace in order through the gateway's own planner, keys and memory
 * store, with a clock that moves as if replies came evenly. Hit rates per utterance, segment and first segment, what is not paid
 * for, and what it takes in Redis, for each setting that matters. Seconds and bytes are reckoned from a sample that the embedded
 * engine speaks and the real encoders encode.
 */
import { hash } from "node:crypto";
import { createTranscoder } from "../src/audio/transcode.ts";
import { collect, only } from "../src/core/async.ts";
import type { AudioFormat } from "../src/core/audio-format.ts";
import { cacheKey } from "../src/core/cache-key.ts";
import { DEFAULT_CACHE_POLICY, type Utterance } from "../src/core/utterance.ts";
import { Planner } from "../src/speech/plan.ts";
import { MemoryAudioStore } from "../src/stores/memory-audio-store.ts";
import { standInEngine } from "../test/support/stand-in-engine.ts";
import { startChild } from "./support/child.ts";
import { fixed, table } from "./support/report.ts";
import { readTrace } from "./support/trace.ts";

const LINES = Number(process.env.BENCH_LINES ?? Number.POSITIVE_INFINITY);
const PER_SECOND = Number(process.env.BENCH_REPLIES_PER_SECOND ?? 2);
const SAMPLE = 120;
const MIB = 1024 * 1024;
const HOUR_S = 3600;
const { signal } = new AbortController();
const replies = readTrace(LINES);
const opus: AudioFormat = { name: "opus", sampleRateHz: 24_000, bitrateBps: 24_000 };

const { secondsPerChar, secondsFixed, formats } = await sampled();
const bytesPerSecond = formats[0]!.bytesPerSecond;

type Options = {
  readonly name: string;
  readonly memoryBytes?: number;
  readonly ttlSeconds?: number;
  readonly maxCachedTextChars?: number;
  readonly voices?: number;
  /** The whole reply as one piece, as a cache by hand keeps it. */
  readonly whole?: boolean;
};
const WEEK_S = 7 * 24 * HOUR_S;
const unbounded: Options = { name: "by segment, nothing ever leaves", memoryBytes: 4096 * MIB, ttlSeconds: WEEK_S };
const runs: Options[] = [
  unbounded,
  { ...unbounded, name: "by whole reply, nothing ever leaves", whole: true },
  ...[1, 24].map((hours) => ({
    ...unbounded,
    name: `CACHE_TTL of ${hours} h (renewed by hits)`,
    ttlSeconds: hours * HOUR_S,
  })),
  ...[4, 16, 64].map((mib) => ({ ...unbounded, name: `memory alone, ${mib} MiB`, memoryBytes: mib * MIB })),
  ...[40, 80, 160].map((chars) => ({ ...unbounded, name: `CACHE_MAX_TEXT_CHARS=${chars}`, maxCachedTextChars: chars })),
  ...[2, 5].map((voices) => ({ ...unbounded, name: `${voices} voices, evenly`, voices })),
];

const results = [];
for (const run of runs) results.push([run.name, ...(await replay(run))]);
process.stdout.write(
  `\n${replies.length} replies, ${PER_SECOND} a second, as Opus of 24 kbit/s; hits are free, seconds reckoned from ${SAMPLE} spoken replies\n\n`,
);
process.stdout.write(
  table(
    [
      "cache",
      "replies from the cache",
      "segments",
      "first segments",
      "characters not paid for",
      "seconds not synthesized",
      "kept at the end, MiB",
    ],
    results,
  ),
);
process.stdout.write(`\nOne hour of distinct speech in Redis, ${SAMPLE} replies encoded\n\n`);
process.stdout.write(
  table(
    ["format", "bytes per second of speech", "MiB per hour"],
    formats.map(({ name, bytesPerSecond: rate }) => [name, fixed(rate, 0), fixed((rate * HOUR_S) / MIB)]),
  ),
);

async function replay(options: Options): Promise<string[]> {
  const { memoryBytes = 0, ttlSeconds = HOUR_S, voices = 1, whole = false, maxCachedTextChars } = options;
  let nowMs = 0;
  const clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    sleep: () => Promise.reject(new Error("nobody sleeps here")),
  };
  const store = new MemoryAudioStore({ clock, maxBytes: memoryBytes, maxEntryBytes: memoryBytes });
  const planner = new Planner({ maxTextChars: 100_000, maxCachedTextChars });
  const engine = standInEngine(whole ? { maxChars: 100_000 } : {});
  const candidates = Array.from({ length: voices }, (_, voice) => [{ engine, voice: String(voice) }]);
  const sum = { replies: 0, segments: 0, firsts: 0, chars: 0, seconds: 0 };
  const all = { segments: 0, chars: 0, seconds: 0 };
  for (const [at, text] of replies.entries()) {
    nowMs = (at * 1000) / PER_SECOND;
    const utterance = utteranceOf(text);
    const spoken = candidates[at % voices]!;
    const { segments } = planner.plan(utterance, spoken);
    const pieces = whole ? [{ ...segments[0]!, text }] : segments;
    let hits = 0;
    for (const [index, { text: piece, requests, policy }] of pieces.entries()) {
      const { wanted, ...sound } = { ...requests[0]!, text: piece };
      const key = cacheKey({ ...sound, engine: "e", engineVersion: "1", format: wanted }, (it) => hash("sha256", it));
      const seconds = secondsFixed + secondsPerChar * piece.length;
      all.segments++;
      all.chars += piece.length;
      all.seconds += seconds;
      if ((await store.get(key, { signal })) !== undefined) {
        hits++;
        sum.segments++;
        sum.chars += piece.length;
        sum.seconds += seconds;
        if (index === 0) sum.firsts++;
      } else if (policy.write) {
        await store.set(key, entryOf(piece.length, seconds), { ttlMs: ttlSeconds * 1000, signal });
      }
    }
    if (hits === pieces.length) sum.replies++;
  }
  const percent = (part: number, of: number): string => `${fixed((100 * part) / of)} %`;
  return [
    percent(sum.replies, replies.length),
    percent(sum.segments, all.segments),
    percent(sum.firsts, replies.length),
    percent(sum.chars, all.chars),
    percent(sum.seconds, all.seconds),
    fixed(store.bytes / MIB),
  ];
}

function entryOf(characters: number, seconds: number) {
  const audio = Buffer.allocUnsafeSlow(Math.max(1, Math.round(seconds * bytesPerSecond)));
  const metadata = { format: opus, durationMs: seconds * 1000, engine: "e", voice: "v", characters, createdAtMs: 0 };
  return { metadata: { ...metadata, generation: 0 as const }, audio };
}

function utteranceOf(text: string): Utterance {
  return {
    ...{ text, voice: "v", speed: 1, pitch: 1, volume: 1, format: opus },
    cache: DEFAULT_CACHE_POLICY,
    subject: "trace",
  };
}

/** A line through how long replies of so many characters are, and what the encoders make of them. */
async function sampled() {
  const step = Math.max(1, Math.floor(replies.length / SAMPLE));
  const texts = replies.filter((_, at) => at % step === 0).slice(0, SAMPLE);
  const gateway = await startChild(new URL("support/bench-gateway.ts", import.meta.url));
  const pcm: AudioFormat = { name: "pcm", sampleRateHz: 24_000 };
  const transcoder = createTranscoder({ workers: 1 });
  const spoken: { readonly chars: number; readonly seconds: number; readonly audio: Uint8Array }[] = [];
  for (const input of texts) {
    const response = await fetch(`http://127.0.0.1:${gateway.port}/v1/audio/speech`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "flite", voice: "slt", input, response_format: "pcm" }),
    });
    if (response.status !== 200) throw new Error(await response.text());
    const audio = new Uint8Array(await response.arrayBuffer());
    spoken.push({ chars: input.length, seconds: audio.byteLength / 48_000, audio });
  }
  await gateway.stop();
  const mean = (of: (one: (typeof spoken)[number]) => number): number =>
    spoken.reduce((sum, one) => sum + of(one), 0) / spoken.length;
  const [chars, seconds] = [mean((one) => one.chars), mean((one) => one.seconds)];
  const slope = mean((one) => (one.chars - chars) * (one.seconds - seconds)) / mean((one) => (one.chars - chars) ** 2);
  const wanted: (readonly [string, AudioFormat])[] = [
    ["opus 24k", opus],
    ["mp3 48k", { name: "mp3", sampleRateHz: 24_000, bitrateBps: 48_000 }],
    ["flac", { name: "flac", sampleRateHz: 24_000 }],
    ["wav", { name: "wav", sampleRateHz: 24_000 }],
  ];
  const rates = [];
  for (const [name, format] of wanted) {
    let bytes = 0;
    for (const { audio } of spoken)
      bytes += (await collect(transcoder.transcode(only(audio), pcm, format, { signal }))).byteLength;
    rates.push({ name, bytesPerSecond: bytes / (seconds * spoken.length) });
  }
  await transcoder.close();
  return { secondsPerChar: slope, secondsFixed: Math.max(0, seconds - slope * chars), formats: rates };
}
