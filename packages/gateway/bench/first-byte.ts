/**
 * What the gateway adds to the engine's own first byte on a miss. The engine is scripted: its first audio comes after
 * 200 ms, the next every 20 ms. Each request is followed by one to a bare server with the same wait; the difference of the
 * two is what is added, so that timers, sockets and the client itself count on both sides.
 */
import { AUDIO_FORMAT_NAMES } from "../src/core/audio-format.ts";
import { startChild } from "./support/child.ts";
import { fixed, median, table } from "./support/report.ts";

const ENGINE_MS = 200;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 25);
const WARM_UP = 3;

const rows: string[][] = [];
const bare = await startChild(new URL("support/bare-engine.ts", import.meta.url), { BENCH_WAIT_MS: String(ENGINE_MS) });
for (const native of ["pcm", "wav"] as const) {
  const script = {
    firstByteMs: ENGINE_MS,
    chunkMs: 20,
    chunkDurationMs: 100,
    format: { name: native, sampleRateHz: 24_000 },
  };
  const gateway = await startChild(new URL("support/bench-gateway.ts", import.meta.url), {
    BENCH_ENGINE: JSON.stringify(script),
  });
  for (const format of AUDIO_FORMAT_NAMES) {
    const added: number[] = [];
    for (let round = 0; round < ROUNDS + WARM_UP; round++) {
      const ms = await firstByteMs(
        gateway.port,
        format,
        `Sentence number ${round} in ${format} from ${native}, and a little more.`,
      );
      const own = await firstByteMs(bare.port, format, "");
      if (round >= WARM_UP) added.push(ms - own);
    }
    added.sort((a, b) => a - b);
    const kind = format === native ? "passed through" : "made from it";
    rows.push([
      native,
      format,
      kind,
      fixed(median(added)),
      fixed(added[Math.floor(added.length * 0.9)]!),
      fixed(added.at(-1)!),
    ]);
  }
  await gateway.stop();
}
await bare.stop();
process.stdout.write(`\nFirst byte on a miss, beyond the engine's own ${ENGINE_MS} ms; ${ROUNDS} new texts each\n\n`);
process.stdout.write(table(["engine's format", "asked", "", "added ms, median", "p90", "worst"], rows));

async function firstByteMs(port: number, format: string, input: string): Promise<number> {
  const startedAt = performance.now();
  const response = await fetch(`http://127.0.0.1:${port}/v1/audio/speech`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "auto", voice: "one", input, response_format: format }),
  });
  const reader = response.body!.getReader();
  await reader.read();
  const ms = performance.now() - startedAt;
  while (!(await reader.read()).done);
  return ms;
}
