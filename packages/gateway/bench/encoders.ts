/**
 * Measures the encoders as the gateway uses them, worker threads included, and prints a Markdown table.
 * Run: node packages/gateway/bench/encoders.ts [seconds of speech, default 60]
 */
import { spawnSync } from "node:child_process";
import { createTranscoder } from "../src/audio/transcode.ts";
import { collect, only } from "../src/core/async.ts";
import type { AudioFormat, AudioFormatName } from "../src/core/audio-format.ts";
import { inPieces, speechLike } from "../test/support/audio-decode.ts";

const WARM_RUNS = 9;
const CHUNK_BYTES = 4800; // 100 ms
const TEXT =
  "The quick brown fox jumps over the lazy dog, and then it rests. She said that the weather would be fine tomorrow, " +
  "but nobody believed her. Please hold the line: one of our advisers will be with you in about four minutes. ";

const { signal } = new AbortController();
const pcm: AudioFormat = { name: "pcm", sampleRateHz: 24_000 };
const seconds = Number(process.argv[2] ?? 60);
const rss = (): number => process.memoryUsage().rss / 1e6;

async function speech(): Promise<{ audio: Uint8Array; source: string }> {
  const spoken = spawnSync("espeak-ng", ["--stdout", TEXT.repeat(Math.ceil(seconds / 12))], { maxBuffer: 2 ** 28 });
  if (spoken.error) return { audio: speechLike(seconds * 1000), source: "generated signal" };
  const transcoder = createTranscoder({ workers: 1 });
  const audio = await collect(
    transcoder.transcode(only<Uint8Array>(spoken.stdout), { name: "wav", sampleRateHz: 22_050 }, pcm, { signal }),
  );
  await transcoder.close();
  return { audio: audio.subarray(0, seconds * 48_000), source: "espeak-ng" };
}

async function firstByteMs(run: () => AsyncIterable<Uint8Array>): Promise<number> {
  const start = performance.now();
  for await (const _ of run()) return performance.now() - start;
  return Number.NaN;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

const { audio, source } = await speech();
const audioSeconds = audio.length / 48_000;
const rows: string[] = [];
const transcoder = createTranscoder({ workers: 1 });
const started = rss();
for (const name of ["pcm", "wav", "opus", "mp3", "aac", "flac"] as const satisfies readonly AudioFormatName[]) {
  // PCM is resampled: at its own rate it would only be passed on.
  const to: AudioFormat = { name, sampleRateHz: name === "pcm" ? 16_000 : 24_000 };
  const run = (): AsyncIterable<Uint8Array> => transcoder.transcode(inPieces(audio, CHUNK_BYTES), pcm, to, { signal });
  const before = rss();
  const cold = await firstByteMs(run);
  const warm: number[] = [];
  for (let i = 0; i < WARM_RUNS; i++) warm.push(await firstByteMs(run));
  const start = performance.now();
  const encoded = await collect(run());
  const tookSeconds = (performance.now() - start) / 1000;
  const cells = [
    name === "pcm" ? "pcm 16 kHz" : name,
    (audioSeconds / tookSeconds).toFixed(0),
    cold.toFixed(1),
    median(warm).toFixed(1),
    (encoded.length / audioSeconds).toFixed(0),
    `${before.toFixed(0)} → ${rss().toFixed(0)}`,
  ];
  rows.push(`| ${cells.join(" | ")} |`);
}
await transcoder.close();
console.log(
  `${audioSeconds.toFixed(0)} s of speech (${source}), 24 kHz mono, ${CHUNK_BYTES}-byte chunks, one worker; RSS at start ${started.toFixed(0)} MB\n`,
);
console.log(
  "| format | × real time | first byte, cold ms | first byte, warm ms | bytes per second of speech | RSS MB |",
);
console.log("|---|---|---|---|---|---|");
console.log(rows.join("\n"));
