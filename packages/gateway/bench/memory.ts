/**
 * Resident memory of a gateway with the embedded engine: after 1,000 requests in all six formats, and after 1,000 more;
 * then while a long text streams.
 */
import { AUDIO_FORMAT_NAMES } from "../src/core/audio-format.ts";
import { startChild } from "./support/child.ts";
import { fixed, table } from "./support/report.ts";

const REQUESTS = Number(process.env.BENCH_REQUESTS ?? 1000);
const CONCURRENCY = Number(process.env.BENCH_CONCURRENCY ?? 4);
const MIB = 1024 * 1024;
const gateway = await startChild(new URL("support/bench-gateway.ts", import.meta.url), {
  BENCH_CONFIG: JSON.stringify({ cacheMemoryMaxBytes: 8 * MIB }),
});
const rows: string[][] = [["after the start", await rss()]];
await ask(REQUESTS, 0);
rows.push([`after ${REQUESTS} requests in six formats, ${CONCURRENCY} at a time`, await rss()]);
for (let more = 1; more <= 3; more++) {
  await ask(REQUESTS, more * REQUESTS);
  rows.push([`after ${(more + 1) * REQUESTS}`, await rss()]);
}
const long = await longText();
rows.push([`most while 20,000 characters streamed (${fixed(long.bytes / MIB)} MiB of PCM)`, fixed(long.peak / MIB, 0)]);
rows.push(["first audio of that text, ms", fixed(long.firstMs, 0)], ["its last, ms", fixed(long.lastMs, 0)]);
await gateway.stop();
process.stdout.write(`\nResident memory, MiB; 8 MiB of memory cache\n\n${table(["", "MiB"], rows)}`);

async function rss(): Promise<string> {
  return fixed((await gateway.usage()).rssBytes / MIB, 0);
}

function post(input: string, format: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${gateway.port}/v1/audio/speech`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "auto", voice: "alloy", input, response_format: format }),
  });
}

async function ask(count: number, from: number): Promise<void> {
  const queue = Array.from({ length: count }, (_, at) => from + at);
  const worker = async (): Promise<void> => {
    for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
      const format = AUDIO_FORMAT_NAMES[at % AUDIO_FORMAT_NAMES.length]!;
      const response = await post(`Your table for ${at} people is booked.`, format);
      if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

async function longText() {
  const sentences = Array.from({ length: 500 }, (_, at) => `Sentence ${at} of a very long text goes on.`);
  const text = sentences.join(" ").slice(0, 20_000);
  const startedAt = performance.now();
  const response = await post(text, "pcm");
  let bytes = 0;
  let firstMs = 0;
  let peak = 0;
  for await (const chunk of response.body!) {
    if (bytes === 0) firstMs = performance.now() - startedAt;
    bytes += chunk.byteLength;
    if (bytes % MIB < chunk.byteLength) peak = Math.max(peak, (await gateway.usage()).rssBytes);
  }
  return { bytes, firstMs, lastMs: performance.now() - startedAt, peak };
}
