import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type WebSocket, WebSocketServer } from "ws";
import { Mp3EncoderFactory } from "../../../src/audio/mp3.ts";
import { concat } from "../../../src/core/async.ts";
import { toneAudio } from "../stand-in-engine.ts";
import * as frames from "./edge-frames.ts";
import type { Fault, StandIn } from "./fault.ts";

export const EDGE_VOICES = [
  voice("en-US-EmmaMultilingualNeural", "Female", "en-US", "Cheerful, Clear"),
  voice("en-GB-RyanNeural", "Male", "en-GB", "Friendly, Positive"),
  voice("de-DE-KatjaNeural", "Female", "de-DE", "Friendly, Positive"),
  voice("zh-CN-liaoning-XiaobeiNeural", "Female", "zh-CN-liaoning", "Humorous"),
];
const BASE = "/consumer/speech/synthesize/readaloud";
const HZ = 24_000;
export const MS_PER_CHAR = 20;
/** Five frames of MP3 at 48 kbit/s, as the service sends them. */
const CHUNK_BYTES = 720;

export type EdgeStandIn = StandIn & {
  /** What was asked for so far, as understood. */
  readonly asked: readonly (frames.EdgeAsk & { readonly outputFormat: string })[];
  /** Upgrades and lists refused with 403, and why. */
  readonly refused: readonly string[];
  /** The `Cookie` of each upgrade. */
  readonly cookies: readonly string[];
};

/**
 * Edge's read-aloud service on a free local port: refuses what the service refuses, and speaks tones in MP3 that depend on
 * text, voice, rate and pitch. `url` goes up to and with `/readaloud`.
 */
export async function edgeStandIn({ now = Date.now } = {}): Promise<EdgeStandIn> {
  const state = { calls: 0, cancelled: 0, connections: 0, fault: undefined as Fault | undefined };
  const asked: (frames.EdgeAsk & { outputFormat: string })[] = [];
  const refused: string[] = [];
  const cookies: string[] = [];
  const connected = new Set<Duplex>();
  const mp3 = new Mp3EncoderFactory();
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: true });
  const server = createServer(answerHttp).on("upgrade", answerUpgrade).on("connection", keep);

  function keep(socket: Socket): void {
    state.connections++;
    connected.add(socket);
    socket.on("close", () => connected.delete(socket)).on("error", () => {});
  }
  const nowMs = (): number => now() + (state.fault?.kind === "clock-skew" ? state.fault.seconds * 1000 : 0);
  /** Status and why; undefined: come in. */
  function judge(query: URLSearchParams, wrong: string | undefined): [number, string] | undefined {
    if (state.fault?.kind === "status") return [state.fault.status, "as asked for"];
    if (wrong !== undefined) return [403, wrong];
    return frames.tokenHolds(query.get("Sec-MS-GEC"), nowMs() / 1000) ? undefined : [403, "Sec-MS-GEC"];
  }
  function refusalHeaders([status, why]: [number, string]): Record<string, string> {
    if (status === 403) refused.push(why);
    const seconds = state.fault?.kind === "status" ? state.fault.retryAfterS : undefined;
    return {
      Date: new Date(nowMs()).toUTCString(),
      "Content-Length": "0",
      ...(seconds !== undefined && { "Retry-After": String(seconds) }),
    };
  }

  function answerHttp(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://local");
    if (state.fault?.kind === "hang") return;
    const token =
      searchParams.get("trustedclienttoken") === frames.TRUSTED_CLIENT_TOKEN ? undefined : "token of the client";
    const no = judge(searchParams, token ?? frames.badBrowser(searchParams, request.headers));
    if (no) response.writeHead(no[0], refusalHeaders(no)).end();
    else if (pathname === `${BASE}/voices/list`) {
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(EDGE_VOICES));
    } else response.writeHead(404).end();
  }

  function answerUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://local");
    cookies.push(request.headers.cookie ?? "");
    const no =
      pathname === `${BASE}/edge/v1`
        ? judge(searchParams, frames.badUpgrade(searchParams, request.headers))
        : ([404, ""] as [number, string]);
    if (no === undefined)
      sockets.handleUpgrade(request, socket, head, (accepted) => void converse(accepted, state.fault));
    else {
      const lines = Object.entries(refusalHeaders(no)).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.end(`HTTP/1.1 ${no[0]} No\r\n${lines.join("")}Connection: close\r\n\r\n`);
    }
  }

  async function converse(socket: WebSocket, fault: Fault | undefined): Promise<void> {
    let outputFormat: string | undefined;
    socket
      .on("error", () => {})
      .on("message", (data, isBinary) => {
        const frame = isBinary ? "" : (data as Buffer).toString();
        if (outputFormat === undefined) {
          outputFormat = frames.readConfig(frame);
          if (outputFormat === undefined) socket.close(1007, "speech.config");
          return;
        }
        const ask = frames.readSsml(frame);
        if (typeof ask === "string") return socket.close(1007, ask);
        asked.push({ ...ask, outputFormat });
        state.calls++;
        const at = EDGE_VOICES.findIndex(({ ShortName }) => ShortName === ask.voice);
        if (at < 0) return socket.close(1007, `Unsupported voice ${ask.voice}.`);
        speak(socket, ask, at, outputFormat, fault).catch(() => socket.terminate());
      });
  }

  async function speak(
    socket: WebSocket,
    ask: frames.EdgeAsk,
    voiceAt: number,
    outputFormat: string,
    fault: Fault | undefined,
  ): Promise<void> {
    let ended = false;
    socket.on("close", () => {
      if (!ended) state.cancelled++;
    });
    if (fault?.kind === "hang") return;
    const streamId = randomBytes(16).toString("hex").toUpperCase();
    const text = (path: string, body: unknown): void => socket.send(frames.serverText(ask.requestId, path, body));
    const context = { serviceTag: randomBytes(16).toString("hex") };
    text("turn.start", { context });
    text("response", { context, audio: { type: "inline", streamId } });
    const bytesPerMs = outputFormat.includes("96k") ? 12 : 6;
    const audio = await encoded(ask, voiceAt, bytesPerMs * 8000, fault?.kind);
    const type = fault?.kind === "wrong-format" ? "audio/webm; codecs=opus" : "audio/mpeg";
    const step = fault?.kind === "trickle" ? fault.chunkBytes : CHUNK_BYTES;
    const limit = fault && "bytes" in fault ? Math.min(fault.bytes, audio.byteLength) : audio.byteLength;
    const words = wordsOf(ask);
    for (let at = 0; at < limit || fault?.kind === "endless"; at += step) {
      if (socket.readyState !== socket.OPEN) return;
      while (words[0] && words[0].startMs * bytesPerMs <= at) {
        const { word, startMs, endMs } = words.shift()!;
        text("audio.metadata", frames.wordMetadata(word, startMs, endMs));
      }
      const from = at % audio.byteLength;
      const piece = audio.subarray(from, Math.min(from + step, fault?.kind === "endless" ? from + step : limit));
      await new Promise((sent) => socket.send(frames.serverAudio(ask.requestId, streamId, piece, type), sent));
      if (fault?.kind === "trickle") await sleep(fault.everyMs);
    }
    if (fault?.kind === "hang-after") return;
    if (fault?.kind === "cut-after") return void setImmediate(() => socket.terminate());
    ended = true;
    if (limit > 0) {
      socket.send(frames.serverAudio(ask.requestId, streamId, new Uint8Array()));
      text("audio.metadata", { Metadata: [{ Type: "SessionEnd", Data: { Offset: (limit / bytesPerMs) * 10_000 } }] });
    }
    text("turn.end", {});
  }

  async function encoded(
    ask: frames.EdgeAsk,
    voiceAt: number,
    bitrateBps: number,
    fault?: Fault["kind"],
  ): Promise<Uint8Array> {
    if (!/[\p{L}\p{N}]/u.test(ask.text)) return new Uint8Array(); // nothing to pronounce
    const wanted = { name: "pcm", sampleRateHz: HZ } as const;
    const request = { ...ask, voice: "one", pitch: ask.pitch * [1, 0.75, 0.85, 0.65][voiceAt]!, volume: 1, wanted };
    const pcm = toneAudio(request, { durationMsPerChar: MS_PER_CHAR, silence: fault === "silence" });
    const samples = Float32Array.from(new Int16Array(pcm.buffer), (sample) => sample / 32_768);
    const encoder = await mp3.create(HZ, bitrateBps);
    const audio = concat([...encoder.encode(samples), ...encoder.finish()]);
    encoder.free();
    return fault === "noise" || fault === "wrong-format" ? new Uint8Array(randomBytes(audio.byteLength)) : audio;
  }

  const listen = async (port: number): Promise<number> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const hangUp = async (): Promise<void> => {
    const closed = server.listening ? once(server, "close") : undefined;
    if (closed) server.close();
    for (const socket of connected) socket.destroy();
    await closed;
  };
  const port = await listen(0);
  return {
    url: `http://127.0.0.1:${port}${BASE}`,
    async fault(fault) {
      state.fault = fault;
      if (fault?.kind === "refuse") await hangUp();
      else if (!server.listening) await listen(port);
    },
    get calls() {
      return state.calls;
    },
    get cancelled() {
      return state.cancelled;
    },
    get connections() {
      return state.connections;
    },
    asked,
    refused,
    cookies,
    close: hangUp,
  };
}

/** As the service does it: one after the other, without punctuation. */
function wordsOf({ text, speed }: frames.EdgeAsk): { word: string; startMs: number; endMs: number }[] {
  const msPerChar = MS_PER_CHAR / speed;
  return [...text.matchAll(/[\p{L}\p{N}][\p{L}\p{N}'&<>]*/gu)].map(({ 0: word, index }) => ({
    word,
    startMs: index * msPerChar,
    endMs: (index + word.length) * msPerChar,
  }));
}

function voice(ShortName: string, Gender: string, Locale: string, personalities: string) {
  const name = ShortName.slice(Locale.length + 1);
  return {
    Name: `Microsoft Server Speech Text to Speech Voice (${Locale}, ${name})`,
    ShortName,
    Gender,
    Locale,
    SuggestedCodec: "audio-24khz-48kbitrate-mono-mp3",
    FriendlyName: `Microsoft ${name.replace(/Neural$/, "")} Online (Natural) - ${Locale}`,
    Status: "GA",
    VoiceTag: { ContentCategories: ["General"], VoicePersonalities: personalities.split(", ") },
  };
}
