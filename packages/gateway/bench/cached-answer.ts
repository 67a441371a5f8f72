/**
 * A cached 20 KB answer over HTTP beside a bare node:http server that sends as many bytes, with our runtime settings
 * (bin/runtime.mjs) and with Node's own: all in turn, in one run, each in a process of its own. Processor time per request is what to trust on a noisy machine.
 */

import { type Child, startChild } from "./support/child.ts";
import { load } from "./support/load.ts";
import { fixed, median, table } from "./support/report.ts";

const ROUNDS = 3;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 2);
const WARM_UP_SECONDS = 6;
const CONNECTIONS = [1, 64];
/** 20 KB of MP3 at 48 kbit/s are 3.4 s; the scripted engine speaks 20 ms a character. */
const words = "word ".repeat(25).trim();
const one = JSON.stringify(request(`This sentence is as long as it needs to be, ${words}`));
const two = JSON.stringify(request(`This sentence is as long as it needs to be. ${words}`));

const gateway = await startChild(new URL("support/bench-gateway.ts", import.meta.url), { BENCH_ENGINE: "{}" });
const expected = await warm(gateway.port, one);
const expectedOfTwo = await warm(gateway.port, two);
const bytes = { BENCH_BYTES: String(expected.length) };
const bareServer = new URL("support/bare-server.ts", import.meta.url);
const bare = await startChild(bareServer, bytes);
const plain = await startChild(bareServer, bytes, { plain: true });

// Compilers take a while to find what is hot; a server that has run for a minute is what is asked about.
await load({
  port: gateway.port,
  path: "/v1/audio/speech",
  body: one,
  connections: 64,
  seconds: WARM_UP_SECONDS,
  expected,
});
await load({
  port: gateway.port,
  path: "/v1/audio/speech",
  body: two,
  connections: 64,
  seconds: WARM_UP_SECONDS,
  expected: expectedOfTwo,
});
const rows: string[][] = [];
for (const connections of CONNECTIONS) {
  const samples: Record<
    string,
    { perSecond: number[]; cpuUs: number[]; p50: number[]; p99: number[]; errors: number }
  > = {};
  for (let round = 0; round < ROUNDS; round++) {
    await measure("bare node:http", bare, one, Buffer.alloc(expected.length, 7), connections, samples);
    await measure(
      "bare node:http, Node's defaults",
      plain,
      one,
      Buffer.alloc(expected.length, 7),
      connections,
      samples,
    );
    await measure("mynah, hit of one sentence", gateway, one, expected, connections, samples);
    await measure("mynah, hit of two sentences", gateway, two, expectedOfTwo, connections, samples);
  }
  const base = samples["bare node:http"]!;
  for (const [name, { perSecond, cpuUs, p50, p99, errors }] of Object.entries(samples)) {
    rows.push([
      name,
      String(connections),
      fixed(median(perSecond), 0),
      `${fixed(median(base.perSecond) / median(perSecond), 2)} ×`,
      fixed(median(cpuUs)),
      `${fixed(median(cpuUs) / median(base.cpuUs), 2)} ×`,
      fixed(median(p50), 2),
      fixed(median(p99), 2),
      fixed(median(p50) - median(base.p50), 2),
      String(errors),
    ]);
  }
}
await Promise.all([gateway.stop(), bare.stop(), plain.stop()]);
process.stdout.write(
  `\nCached answer of ${expected.length} bytes, ${ROUNDS} × ${SECONDS} s each, medians, bodies compared byte for byte\n\n`,
);
process.stdout.write(
  table(
    [
      "server",
      "connections",
      "req/s",
      "slower by",
      "CPU µs/req",
      "more CPU by",
      "p50 ms",
      "p99 ms",
      "own time ms (p50 − bare)",
      "errors",
    ],
    rows,
  ),
);

async function measure(
  name: string,
  child: Child,
  body: string,
  bytes: Buffer,
  connections: number,
  samples: Record<string, { perSecond: number[]; cpuUs: number[]; p50: number[]; p99: number[]; errors: number }>,
) {
  const before = await child.usage();
  const result = await load({
    port: child.port,
    path: "/v1/audio/speech",
    body,
    connections,
    seconds: SECONDS,
    expected: bytes,
  });
  const after = await child.usage();
  samples[name] ??= { perSecond: [], cpuUs: [], p50: [], p99: [], errors: 0 };
  const sample = samples[name];
  sample.perSecond.push(result.perSecond);
  sample.cpuUs.push(((after.cpuMs - before.cpuMs) * 1000) / result.requests);
  sample.p50.push(result.p50Ms);
  sample.p99.push(result.p99Ms);
  sample.errors += result.errors;
}

/** Asks until the answer comes from the cache. */
async function warm(port: number, body: string): Promise<Buffer> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/v1/audio/speech`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    if (response.headers.get("cache-status") === "mynah; hit") return bytes;
  }
}

function request(input: string) {
  return { model: "auto", voice: "one", input, response_format: "mp3", speed: 1 };
}
