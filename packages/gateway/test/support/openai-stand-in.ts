import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { toneAudio } from "./stand-in-engine.ts";

/** What the server does wrong; changeable at any time. */
export type OpenAiFaults = {
  /** Answers with this status and OpenAI's error object. */
  status?: number;
  headers?: Record<string, string>;
  /** Waits before the first byte. */
  delayMs?: number;
  /** Between chunks of 4,800 bytes. */
  chunkMs?: number;
  /** Destroys the connection after this many bytes of audio. */
  cutAfterBytes?: number;
  /** Takes the request and never answers. */
  hang?: boolean;
  /** Answers 200 with this instead of audio. */
  answer?: { type: string; body: string };
};

export type OpenAiRequest = {
  readonly body: Record<string, unknown>;
  readonly authorization: string | undefined;
  /** Settled when the connection is over; true if the client had the whole answer. */
  readonly completed: Promise<boolean>;
};

export type OpenAiStandIn = {
  /** With its `/v1`. */
  readonly baseUrl: string;
  readonly requests: readonly OpenAiRequest[];
  readonly faults: OpenAiFaults;
  /** What `GET /v1/audio/voices` answers; undefined: 404. */
  voices: unknown;
  close(): Promise<void>;
};

const SAMPLE_RATE_HZ = 24_000;
const CHUNK_BYTES = 4800;
const VOICES = ["alloy", "nova"];

/** A server on a free local port that speaks OpenAI's POST /v1/audio/speech in wav and pcm: tones that depend on the text. */
export async function openAiStandIn(): Promise<OpenAiStandIn> {
  const requests: OpenAiRequest[] = [];
  const faults: OpenAiFaults = {};
  const server = createServer((request, response) => {
    const answer = request.url === "/v1/audio/speech" && request.method === "POST" ? speak : listVoices;
    answer(request, response).catch(() => response.destroy());
  });

  async function listVoices(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const found = request.url === "/v1/audio/voices" && standIn.voices !== undefined;
    if (found) send(response, 200, standIn.voices);
    else send(response, 404, errorBody("not found"));
  }

  async function speak(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const closed = once(response, "close").then(() => response.writableFinished);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
    requests.push({ body, authorization: request.headers.authorization, completed: closed });
    if (faults.hang) return;
    if (faults.delayMs) await sleep(faults.delayMs);
    for (const [name, value] of Object.entries(faults.headers ?? {})) response.setHeader(name, value);
    if (faults.status !== undefined) return send(response, faults.status, errorBody("as asked for"));
    if (faults.answer) {
      response.writeHead(200, { "content-type": faults.answer.type }).end(faults.answer.body);
      return;
    }
    const format = body.response_format ?? "mp3";
    if (
      !VOICES.includes(String(body.voice)) ||
      typeof body.input !== "string" ||
      (format !== "wav" && format !== "pcm")
    )
      return send(response, 400, errorBody("unsupported voice, input or response_format"));
    await stream(response, toneOf(body, format), `audio/${format}`);
  }

  async function stream(response: ServerResponse, audio: Uint8Array, type: string): Promise<void> {
    response.writeHead(200, { "content-type": type, "transfer-encoding": "chunked" });
    const end = Math.min(audio.byteLength, faults.cutAfterBytes ?? audio.byteLength);
    for (let at = 0; at < end; at += CHUNK_BYTES) {
      if (response.destroyed) return;
      const room = response.write(audio.subarray(at, Math.min(end, at + CHUNK_BYTES)));
      if (!room) await Promise.race([once(response, "drain"), once(response, "close")]);
      if (faults.chunkMs) await sleep(faults.chunkMs);
    }
    if (faults.cutAfterBytes === undefined) response.end();
    else setImmediate(() => response.socket?.destroy()); // after what was written has left
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const standIn: OpenAiStandIn = {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    faults,
    voices: { voices: VOICES },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return standIn;
}

function toneOf(body: Record<string, unknown>, format: "wav" | "pcm"): Uint8Array {
  const request = {
    text: String(body.input),
    voice: body.voice === "nova" ? "two" : "one",
    speed: Number(body.speed ?? 1),
    pitch: 1,
    wanted: { name: format, sampleRateHz: SAMPLE_RATE_HZ },
  };
  return toneAudio(request, { format: { name: format, sampleRateHz: SAMPLE_RATE_HZ } });
}

const errorBody = (message: string): unknown => ({
  error: { message, type: "invalid_request_error", param: null, code: null },
});

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
