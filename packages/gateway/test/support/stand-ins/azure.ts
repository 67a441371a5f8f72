import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { Codecs } from "../../../src/audio/codecs.ts";
import type { AudioFormat } from "../../../src/core/audio-format.ts";
import { deliver } from "./deliver.ts";
import { serverAudio, serverText, wordMetadata } from "./edge-frames.ts";
import type { Fault, StandIn } from "./fault.ts";
import { sendJson } from "./http-stand-in.ts";
import { withoutPhonemes } from "./phoneme-elements.ts";
import { spokenTones, toneWords } from "./spoken-tones.ts";

const VOICES = [
  voice("en-US", "AvaMultilingualNeural", "Female", { SecondaryLocaleList: ["de-DE", "fr-FR"] }),
  voice("en-US", "GuyNeural", "Male", { StyleList: ["newscast", "cheerful"] }),
  voice("de-DE", "KatjaNeural", "Female", {}),
  voice("en-US", "Ava:DragonHDLatestNeural", "Female", {}),
];
const PATH = /^(?:\/tts)?\/cognitiveservices\/(websocket\/v1|voices\/list)$/;
const INVALID_PAYLOAD = 1007;

/** What was asked for in one turn, as understood. */
export type AzureAsk = {
  readonly requestId: string;
  readonly connectionId: string;
  readonly ssml: string;
  readonly voice: string;
  readonly text: string;
  readonly rate: number;
  readonly pitch: number;
  readonly outputFormat: string;
  readonly words: boolean;
};

export type AzureStandIn = StandIn & {
  readonly asked: readonly AzureAsk[];
  /** The query of each upgrade. */
  readonly queries: readonly string[];
  /** Closes every connection that is open, as the service does to idle ones. */
  hangUp(): Promise<void>;
};

/** Azure AI Speech on a free local port: its WebSocket, turn after turn, and its list of voices. Any key but `wrong` is right. */
export async function azureStandIn(): Promise<AzureStandIn> {
  const seen = { calls: 0, cancelled: 0, connections: 0, fault: undefined as Fault | undefined };
  const asked: AzureAsk[] = [];
  const queries: string[] = [];
  const open = new Set<Duplex>();
  const codecs = new Codecs();
  const sockets = new WebSocketServer({ noServer: true });
  const server = createServer(list).on("upgrade", upgrade);
  server.on("connection", (socket) => {
    seen.connections++;
    open.add(socket);
    socket.on("close", () => open.delete(socket)).on("error", () => {});
  });

  function problem(
    { url = "", headers }: IncomingMessage,
    route: string,
  ): [number, Record<string, string>] | undefined {
    const { fault } = seen;
    if (fault?.kind === "status") {
      const after = fault.retryAfterS === undefined ? undefined : { "retry-after": String(fault.retryAfterS) };
      return [fault.status, { ...after }];
    }
    const { pathname, searchParams } = new URL(url, "http://local");
    if (PATH.exec(pathname)?.[1] !== route) return [404, {}];
    // Clients that cannot set headers, as browsers and Node's own WebSocket, put them into the query.
    const key = headers["ocp-apim-subscription-key"] ?? searchParams.get("Ocp-Apim-Subscription-Key") ?? undefined;
    return key === undefined || key === "wrong" ? [401, {}] : undefined;
  }

  function list(request: IncomingMessage, response: ServerResponse): void {
    const no = problem(request, "voices/list");
    if (no) response.writeHead(no[0], no[1]).end();
    else sendJson(response, 200, VOICES);
  }

  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const no = problem(request, "websocket/v1");
    const { search, searchParams } = new URL(request.url ?? "", "http://local");
    const connectionId = String(request.headers["x-connectionid"] ?? searchParams.get("X-ConnectionId"));
    if (no === undefined) {
      queries.push(search);
      sockets.handleUpgrade(request, socket, head, (accepted) => converse(accepted, connectionId));
      return;
    }
    const lines = Object.entries(no[1]).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 ${no[0]} No\r\n${lines.join("")}content-length: 0\r\nconnection: close\r\n\r\n`);
  }

  function converse(socket: WebSocket, connectionId: string): void {
    let configured = false;
    let context: Context | undefined;
    socket
      .on("error", () => {})
      .on("message", (data, isBinary) => {
        const { headers, body } = read(isBinary ? "" : (data as Buffer).toString());
        const requestId = headers.get("x-requestid") ?? "";
        const path = headers.get("path");
        if (!/^[0-9A-Fa-f]{32}$/.test(requestId)) return socket.close(INVALID_PAYLOAD, "X-RequestId");
        if (path === "speech.config") configured = JSON.parse(body).context.system.version !== undefined;
        else if (!configured) socket.close(INVALID_PAYLOAD, "no speech.config");
        else if (path === "synthesis.context") context = readContext(body);
        else if (path === "ssml" && context && headers.get("content-type") === "application/ssml+xml") {
          const ask = understood(body, { ...context, requestId, connectionId });
          if (typeof ask === "string") return socket.close(INVALID_PAYLOAD, ask);
          asked.push(ask);
          context = undefined;
          speak(socket, ask, seen.fault).catch(() => socket.terminate());
        } else socket.close(INVALID_PAYLOAD, "unexpected");
      });
  }

  async function speak(socket: WebSocket, ask: AzureAsk, fault: Fault | undefined): Promise<void> {
    seen.calls++;
    const gone = new AbortController();
    const left = (): void => {
      seen.cancelled++;
      gone.abort();
    };
    socket.on("close", left);
    if (fault?.kind === "hang") return;
    const { requestId } = ask;
    const say = (path: string, body: unknown): void => socket.send(serverText(requestId, path, body));
    const streamId = randomBytes(16).toString("hex").toUpperCase();
    const context = { serviceTag: requestId };
    say("turn.start", { context });
    say("response", { context, audio: { type: "inline", streamId } });
    const words = ask.words ? toneWords(ask.text, ask.rate) : [];
    const asWanted = formatOf(ask.outputFormat)!;
    const format = fault?.kind === "wrong-format" ? otherThan(asWanted) : asWanted;
    const heardMs = (at: number, total: number): number => (at / total) * ask.text.length * (60 / ask.rate);
    const ending = await deliver({
      fault,
      signal: gone.signal,
      make: (what) => spokenTones({ ...ask, speed: ask.rate, format, silent: what === "silence" }, codecs),
      async send(audio, at, total) {
        while (words[0] && words[0].startMs <= heardMs(at + audio.byteLength, total)) {
          const { word, startMs, endMs } = words.shift()!;
          say("audio.metadata", wordMetadata(word, startMs, endMs));
        }
        const frame = serverAudio(requestId, streamId, audio, asWanted.name === "mp3" ? "audio/mpeg" : "audio/x-wav");
        await new Promise((sent) => socket.send(frame, sent));
      },
    });
    if (ending === "gone" || ending === "hang") return;
    socket.off("close", left);
    if (ending === "cut") return socket.terminate();
    socket.send(serverAudio(requestId, streamId, new Uint8Array()));
    say("turn.end", { context });
  }

  const listen = async (port: number): Promise<number> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const dropAll = async (): Promise<void> => {
    const all = [...open].map((socket) => once(socket, "close"));
    for (const socket of open) socket.destroy();
    await Promise.all(all);
  };
  const stop = async (): Promise<void> => {
    const ended = server.listening ? once(server, "close") : undefined;
    if (ended) server.close();
    await dropAll();
    await ended;
  };
  const port = await listen(0);
  return {
    url: `http://127.0.0.1:${port}`,
    async fault(fault) {
      seen.fault = fault;
      if (fault?.kind === "refuse") await stop();
      else if (!server.listening) await listen(port);
      else if (fault?.kind === "status") await dropAll(); // shown by the next handshake
    },
    get calls() {
      return seen.calls;
    },
    get cancelled() {
      return seen.cancelled;
    },
    get connections() {
      return seen.connections;
    },
    asked,
    queries,
    hangUp: dropAll,
    close: stop,
  };
}

type Context = Pick<AzureAsk, "outputFormat" | "words">;

function read(message: string): { headers: Map<string, string>; body: string } {
  const end = message.indexOf("\r\n\r\n");
  const lines = message.slice(0, Math.max(0, end)).split("\r\n");
  const headers = lines.map((line) => /^([\w-]+): ?(.*)$/.exec(line) ?? ["", "", ""]);
  return {
    headers: new Map(headers.map(([, name, value]) => [name!.toLowerCase(), value!])),
    body: message.slice(end + 4),
  };
}

function readContext(body: string): Context {
  const { audio } = (JSON.parse(body) as { synthesis: { audio: { outputFormat: string; metadataOptions: Flags } } })
    .synthesis;
  return { outputFormat: audio.outputFormat, words: String(audio.metadataOptions.wordBoundaryEnabled) === "true" };
}
type Flags = { readonly wordBoundaryEnabled: unknown };

const SSML =
  /^<speak version='1\.0' xmlns='http:\/\/www\.w3\.org\/2001\/10\/synthesis'[^>]* xml:lang='[\w-]+'><voice name='([^'<>]*)'>(.*)<\/voice><\/speak>$/s;
const WRAPPED = /^<(lang|mstts:express-as|prosody)((?: [\w:]+='[^'<>]*')+)>(.*)<\/\1>$/s;

/** What is to be said; a string says what is wrong with it. */
function understood(ssml: string, asked: Context & { requestId: string; connectionId: string }): AzureAsk | string {
  let [, name, escaped] = SSML.exec(ssml) ?? [];
  if (name === undefined || escaped === undefined) return "SSML parsing error";
  let prosody = "";
  for (let wrapped = WRAPPED.exec(escaped); wrapped !== null; wrapped = WRAPPED.exec(escaped)) {
    if (wrapped[1] === "mstts:express-as" && !ssml.includes(" xmlns:mstts=")) return "SSML parsing error: prefix";
    prosody += wrapped[2];
    escaped = wrapped[3]!;
  }
  escaped = name.includes(":Dragon") ? escaped : withoutPhonemes(escaped, ["ipa", "sapi", "ups", "x-sampa"]);
  if (escaped === undefined || /[<>]/.test(escaped)) return "SSML parsing error";
  if (/&(?!(?:amp|lt|gt|quot|apos);)/.test(escaped)) return "SSML parsing error: entity";
  if ([...escaped].some((char) => char < " " && !"\t\n\r".includes(char))) return "SSML parsing error: character";
  if (!VOICES.some(({ ShortName }) => ShortName === name)) return `Unsupported voice ${name}.`;
  if (formatOf(asked.outputFormat) === undefined) return "Unsupported output format";
  const entities = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  const text = escaped.replace(/&(\w+);/g, (_, entity: keyof typeof entities) => entities[entity]);
  const factor = (attribute: string): number =>
    1 + Number(new RegExp(` ${attribute}='([+-]\\d+)%'`).exec(prosody)?.[1] ?? 0) / 100;
  return { ...asked, ssml, voice: name, text, rate: factor("rate"), pitch: factor("pitch") };
}

function formatOf(outputFormat: string): AudioFormat | undefined {
  const [, kHz, kbps] = /^(?:raw|audio)-(\d+)khz-(?:16bit-mono-pcm|(\d+)kbitrate-mono-mp3)$/.exec(outputFormat) ?? [];
  if (kHz === undefined) return undefined;
  const sampleRateHz = Number(kHz) * 1000;
  return kbps === undefined
    ? { name: "pcm", sampleRateHz }
    : { name: "mp3", sampleRateHz, bitrateBps: Number(kbps) * 1000 };
}

export function otherThan({ name }: AudioFormat): AudioFormat {
  return name === "mp3"
    ? { name: "flac", sampleRateHz: 24_000 }
    : { name: "mp3", sampleRateHz: 24_000, bitrateBps: 48_000 };
}

function voice(Locale: string, name: string, Gender: string, more: Record<string, unknown>) {
  return {
    Name: `Microsoft Server Speech Text to Speech Voice (${Locale}, ${name})`,
    DisplayName: name.replace(/Neural$/, ""),
    LocalName: name.replace(/Neural$/, ""),
    ShortName: `${Locale}-${name}`,
    Gender,
    Locale,
    LocaleName: Locale,
    SampleRateHertz: "24000",
    VoiceType: "Neural",
    Status: "GA",
    WordsPerMinute: "150",
    ...more,
  };
}
