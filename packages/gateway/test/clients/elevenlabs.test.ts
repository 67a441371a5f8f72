import { type ElevenLabs, ElevenLabsClient, ElevenLabsError } from "@elevenlabs/elevenlabs-js";
import OpenAI from "openai";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createTranscoder } from "../../src/audio/transcode.ts";
import type { AudioFormat } from "../../src/core/audio-format.ts";
import { runGateway } from "../support/gateway.ts";
import { JsonSocket } from "../support/json-socket.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const KEY = "elevenlabs-test-key-0001";
const POOR_KEY = "elevenlabs-test-key-0002";
const engine = standInEngine({ words: true });
const gateway = await runGateway(
  {
    keys: [
      { key: KEY, user: "ann", plan: "free" },
      { key: POOR_KEY, user: "bob", plan: "poor" },
    ],
    plans: {
      free: {},
      poor: { requestsPerMinute: 1, requestsPerHour: 10 },
      metered: { charactersPerDay: 40 },
      narrow: { concurrentStreams: 1 },
    },
    voices: { "21m00Tcm4TlvDq8ikWAM": { "stand-in": "two" } },
  } as never,
  { engines: [engine] },
);
const transcoder = createTranscoder({ workers: 1 });
afterAll(() => transcoder.close());
beforeEach(() => {
  for (const option of ["failAfterBytes", "chunkMs", "hang"] as const) delete engine.script[option];
});
const client = (apiKey = KEY) => new ElevenLabsClient({ baseUrl: gateway.url, apiKey, maxRetries: 0 });
const elevenlabs = client();
const never = new AbortController().signal;
let said = 0;
const fresh = (words = "This was never said before"): string => `${words}, number ${++said}.`;

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function durationOf(audio: Uint8Array, format: AudioFormat): Promise<number> {
  return (await transcoder.inspect(audio, format, { signal: never })).durationMs;
}
