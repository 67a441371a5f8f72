/**
 * What an adapter costs beside bare fetch: the same request to the same stand-in, by the adapter and by fetch in turns, each
 * read to its end. A stand-in in a process of its own answers the same bytes to both. Audio is read, not thrown away: the
 * one-pass cost of base64 and JSON lines is the adapter's.
 */

import type { SpeechEngine, SynthesisRequest } from "../src/core/ports.ts";
import { elevenLabsEngine } from "../src/engines/elevenlabs/elevenlabs-engine.ts";
import { openAiCompatibleEngine } from "../src/engines/openai-compatible.ts";
import { startChild } from "./support/child.ts";
import { fixed, median, table } from "./support/report.ts";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 400);
const WARM_UP = 100;
const TEXT = "The morning train was late again, so we walked along the river.";
const RACHEL = "21m00Tcm4TlvDq8ikWAM";
const { signal } = new AbortController();
const pcm = { name: "pcm", sampleRateHz: 24_000 } as const;
const request = { text: TEXT, speed: 1, pitch: 1, volume: 1, wanted: pcm };

type Case = {
  readonly name: string;
  readonly kind: string;
  readonly voice: string;
  readonly engine: (url: string) => SpeechEngine;
  readonly path: string;
  readonly body: unknown;
};
const CASES: readonly Case[] = [
  {
    name: "openai-compatible",
    kind: "openai",
    voice: "alloy",
    engine: (baseUrl) => openAiCompatibleEngine({ name: "e", baseUrl, apiKey: "k" }),
    path: "/audio/speech",
    body: { model: "tts-1", input: TEXT, voice: "alloy", response_format: "pcm", speed: 1 },
  },
  {
    name: "elevenlabs",
    kind: "elevenlabs",
    voice: RACHEL,
    engine: (baseUrl) => elevenLabsEngine({ name: "e", baseUrl, apiKey: "k" }),
    path: `/v1/text-to-speech/${RACHEL}/stream/with-timestamps?output_format=pcm_24000`,
    body: { text: TEXT, model_id: "eleven_multilingual_v2" },
  },
];

type Times = { readonly firstMs: number; readonly wholeMs: number };

const rows: string[][] = [];
for (const each of CASES) {
  const child = await startChild(new URL("support/bench-stand-in.ts", import.meta.url), { BENCH_STAND_IN: each.kind });
  const url = `http://127.0.0.1:${child.port}`;
  const base = each.kind === "openai" ? `${url}/v1` : url;
  const engine = each.engine(base);
  const bare: Times[] = [];
  const ours: Times[] = [];
  for (let round = 0; round < ROUNDS + WARM_UP; round++) {
    const asked = { ...request, voice: each.voice };
    // Who goes first changes, so that neither always finds the warmer socket.
    const inTurn = round % 2 === 0 ? [byFetch, byEngine] : [byEngine, byFetch];
    for (const run of inTurn) {
      const times = await run(each, base, engine, asked);
      if (round >= WARM_UP) (run === byFetch ? bare : ours).push(times);
    }
  }
  const seen = (await (await fetch(`${url}/bench/connections`)).json()) as { connections: number; calls: number };
  await child.stop();
  const added = (key: keyof Times) => fixed(median(ours.map((t) => t[key])) - median(bare.map((t) => t[key])), 3);
  const mid = (times: Times[], key: keyof Times) => fixed(median(times.map((t) => t[key])), 3);
  rows.push([
    each.name,
    mid(bare, "firstMs"),
    mid(ours, "firstMs"),
    added("firstMs"),
    mid(bare, "wholeMs"),
    mid(ours, "wholeMs"),
    added("wholeMs"),
    `${seen.connections} for ${seen.calls}`,
  ]);
}
process.stdout.write(`\nOne request at a time, ${ROUNDS} by each; medians in ms\n\n`);
process.stdout.write(
  table(
    ["adapter", "fetch: first", "adapter: first", "added", "fetch: whole", "adapter: whole", "added", "connections"],
    rows,
  ),
);

async function byFetch({ path, body }: Case, base: string): Promise<Times> {
  const startedAt = performance.now();
  const response = await fetch(`${base}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: "Bearer k", "xi-api-key": "k" },
    body: JSON.stringify(body),
    signal,
  });
  let firstMs: number | undefined;
  for await (const _ of response.body!) firstMs ??= performance.now() - startedAt;
  return { firstMs: firstMs!, wholeMs: performance.now() - startedAt };
}

async function byEngine(_: Case, __: string, engine: SpeechEngine, asked: SynthesisRequest): Promise<Times> {
  const startedAt = performance.now();
  let firstMs: number | undefined;
  for await (const { audio } of engine.synthesize(asked, { signal }))
    if (audio) firstMs ??= performance.now() - startedAt;
  return { firstMs: firstMs!, wholeMs: performance.now() - startedAt };
}
