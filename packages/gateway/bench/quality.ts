/**
 * What each format and bit rate costs in bytes and in sound: bytes per second of speech, what it saves against base64 of MP3 at
 * 48 kbit/s, intelligibility (STOI) and log-mel distance against what the engine said. Speech of the embedded engine, and of
 * espeak-ng if it is there, through the gateway's own codecs.
 */
import { spawnSync } from "node:child_process";
import { pcmSamples } from "../src/audio/pcm.ts";
import { Resampler } from "../src/audio/resample.ts";
import { createTranscoder } from "../src/audio/transcode.ts";
import { collect, only } from "../src/core/async.ts";
import { type AudioFormat, DELIVERY_SAMPLE_RATE_HZ } from "../src/core/audio-format.ts";
import { startChild } from "./support/child.ts";
import { logMelDistanceFrom } from "./support/log-mel.ts";
import { fixed, table } from "./support/report.ts";
import { STOI_SAMPLE_RATE_HZ, stoi } from "./support/stoi.ts";
import { readTrace } from "./support/trace.ts";

const RATE_HZ = DELIVERY_SAMPLE_RATE_HZ;
const LINES = Number(process.env.BENCH_LINES ?? 25);
/** Beyond what any codec here delays. */
const MAX_DELAY = RATE_HZ / 8;
const { signal } = new AbortController();
const pcm: AudioFormat = { name: "pcm", sampleRateHz: RATE_HZ };
const KBIT = 1000;
const lossy = (name: "opus" | "mp3", rates: readonly number[]): AudioFormat[] =>
  rates.map((rate) => ({ name, sampleRateHz: RATE_HZ, bitrateBps: rate * KBIT }));
const FORMATS: readonly AudioFormat[] = [
  ...lossy("opus", [12, 16, 20, 24, 32, 48]),
  ...lossy("mp3", [24, 32, 48, 64]),
  { name: "flac", sampleRateHz: RATE_HZ },
  { name: "wav", sampleRateHz: RATE_HZ },
  { name: "pcm", sampleRateHz: RATE_HZ },
];
/** MP3 of 48 kbit/s in JSON, as most write it first. */
const BASELINE_BYTES_PER_SECOND = ((48 * KBIT) / 8) * (4 / 3);

const transcoder = createTranscoder({ workers: 1 });
const text = [...new Set(readTrace(LINES * 2))].slice(0, LINES).join(" ");
for (const [name, source] of [
  ["embedded engine (flite slt)", await ofGateway()],
  ["espeak-ng", await ofEspeak()],
] as const) {
  if (source === undefined) process.stdout.write(`\n${name}: not installed here, left out\n`);
  else await report(name, source);
}
await transcoder.close();

async function report(name: string, source: Uint8Array): Promise<void> {
  const seconds = source.byteLength / 2 / RATE_HZ;
  const clean = Float64Array.from(pcmSamples(source));
  const cleanAtStoi = resampled(clean);
  const distanceOf = logMelDistanceFrom(clean);
  const rows: string[][] = [];
  for (const format of FORMATS) {
    const encoded =
      format.name === "pcm" ? source : await collect(transcoder.transcode(only(source), pcm, format, { signal }));
    const decoded =
      format.name === "pcm" ? source : await collect(transcoder.transcode(only(encoded), format, pcm, { signal }));
    const heard = inStep(clean, Float64Array.from(pcmSamples(decoded)));
    const rate = encoded.byteLength / seconds;
    rows.push([
      format.name + (format.bitrateBps === undefined ? "" : ` ${format.bitrateBps / KBIT}k`),
      fixed(rate, 0),
      `${fixed(100 * (1 - rate / BASELINE_BYTES_PER_SECOND), 0)} %`,
      fixed(stoi(cleanAtStoi, resampled(heard)), 4),
      fixed(distanceOf(heard), 2),
    ]);
  }
  process.stdout.write(`\n${fixed(seconds, 0)} s of speech by ${name}, ${RATE_HZ / 1000} kHz mono\n\n`);
  process.stdout.write(
    table(
      ["format", "bytes per second of speech", "saved against base64 MP3 48k", "STOI", "log-mel distance, dB"],
      rows,
    ),
  );
}

/** The other signal moved so that it is where the source is; what codecs add in front is no difference in sound. */
function inStep(source: Float64Array, other: Float64Array): Float64Array {
  const from = Math.max(
    0,
    source.findIndex((value) => Math.abs(value) > 0.05),
  );
  const length = RATE_HZ;
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (let delay = -MAX_DELAY; delay <= MAX_DELAY; delay++) {
    let dot = 0;
    for (let n = from; n < from + length; n += 4) dot += source[n]! * (other[n + delay] ?? 0);
    if (dot > most) [most, best] = [dot, delay];
  }
  return Float64Array.from(source, (_, n) => other[n + best] ?? 0);
}

function resampled(signal: Float64Array): Float64Array {
  const resampler = new Resampler(RATE_HZ, STOI_SAMPLE_RATE_HZ);
  return Float64Array.from([...resampler.push(Float32Array.from(signal)), ...resampler.finish()]);
}

async function ofGateway(): Promise<Uint8Array> {
  const gateway = await startChild(new URL("support/bench-gateway.ts", import.meta.url));
  try {
    const response = await fetch(`http://127.0.0.1:${gateway.port}/v1/audio/speech`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "flite", voice: "slt", input: text, response_format: "pcm" }),
    });
    if (response.status !== 200) throw new Error(await response.text());
    return new Uint8Array(await response.arrayBuffer());
  } finally {
    await gateway.stop();
  }
}

async function ofEspeak(): Promise<Uint8Array | undefined> {
  const { error, stdout } = spawnSync("espeak-ng", ["--stdout", text], { maxBuffer: 2 ** 28 });
  if (error !== undefined) return undefined;
  return collect(
    transcoder.transcode(only<Uint8Array>(stdout), { name: "wav", sampleRateHz: 22_050 }, pcm, { signal }),
  );
}
