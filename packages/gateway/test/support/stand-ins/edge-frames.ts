/** The frames of Edge's read-aloud service as its side makes and checks them. Written from captures, not from our client. */
import { createHash } from "node:crypto";

export const TRUSTED_CLIENT_TOKEN = "6A5AA1D4EAFF4E9FB37E23D68491D6F4";
const ORIGIN = "chrome-extension://jdiccldimpdaibmpdkjnbmckianbfold";
const DATE = /[A-Z][a-z]{2} [A-Z][a-z]{2} \d{2} \d{4} \d{2}:\d{2}:\d{2} GMT\+0000 \(Coordinated Universal Time\)/
  .source;
const OUTPUT_FORMATS = "audio-24khz-48kbitrate-mono-mp3|audio-24khz-96kbitrate-mono-mp3|webm-24khz-16bit-mono-opus";
const CONFIG = new RegExp(
  `^X-Timestamp:${DATE}\r\nContent-Type:application/json; charset=utf-8\r\nPath:speech\\.config\r\n\r\n` +
    `\\{"context":\\{"synthesis":\\{"audio":\\{"metadataoptions":\\{"sentenceBoundaryEnabled":"(?:true|false)",` +
    `"wordBoundaryEnabled":"(?:true|false)"\\},"outputFormat":"(${OUTPUT_FORMATS})"\\}\\}\\}\\}\r\n$`,
);
const SSML = new RegExp(
  `^X-RequestId:([0-9a-f]{32})\r\nContent-Type:application/ssml\\+xml\r\nX-Timestamp:${DATE}Z\r\nPath:ssml\r\n\r\n` +
    `<speak version='1\\.0' xmlns='http://www\\.w3\\.org/2001/10/synthesis' xml:lang='en-US'>` +
    `<voice name='Microsoft Server Speech Text to Speech Voice \\(([\\w-]+), (\\w+)\\)'>` +
    `<prosody pitch='([+-]\\d+(?:Hz|%))' rate='([+-]\\d+)%' volume='[+-]\\d+%'>([^<>]*)</prosody></voice></speak>$`,
);
const MAX_TEXT_BYTES = 4096;
const STEP_S = 300;

/** Whether the token is one of the five minutes around this time. */
export function tokenHolds(token: string | null, nowS: number): boolean {
  return [-STEP_S, 0, STEP_S].some((offset) => {
    const seconds = BigInt(Math.floor(nowS + offset)) + 11_644_473_600n;
    const ticks = (seconds - (seconds % 300n)) * 10_000_000n;
    return (
      createHash("sha256").update(`${ticks}${TRUSTED_CLIENT_TOKEN}`, "ascii").digest("hex").toUpperCase() === token
    );
  });
}

/** What is wrong with a request's address and headers, beside its token; undefined: nothing. */
export function badUpgrade(query: URLSearchParams, headers: Readonly<Record<string, unknown>>): string | undefined {
  if (query.get("TrustedClientToken") !== TRUSTED_CLIENT_TOKEN) return "token of the client";
  if (!/^[0-9a-f]{32}$/.test(query.get("ConnectionId") ?? "")) return "connection id";
  if (headers.origin !== ORIGIN) return "origin";
  if (!String(headers["sec-websocket-extensions"]).startsWith("permessage-deflate")) return "extensions";
  return badBrowser(query, headers);
}

/** The part of it that holds for the list of voices too. */
export function badBrowser(query: URLSearchParams, headers: Readonly<Record<string, unknown>>): string | undefined {
  if (!/^1-\d{3}\.\d+\.\d+\.\d+$/.test(query.get("Sec-MS-GEC-Version") ?? "")) return "version";
  if (!/^muid=[0-9A-F]{32};$/.test(String(headers.cookie))) return "muid";
  if (!/ Chrome\/\d{3}\.0\.0\.0 Safari\/537\.36 Edg\/\d{3}\.0\.0\.0$/.test(String(headers["user-agent"])))
    return "browser";
  return undefined;
}

/** The output format asked for; undefined: not a `speech.config` frame. */
export function readConfig(frame: string): string | undefined {
  return CONFIG.exec(frame)?.[1];
}

export type EdgeAsk = {
  readonly requestId: string;
  readonly voice: string;
  readonly speed: number;
  readonly pitch: number;
  readonly text: string;
};

/** What is to be said; a string says what is wrong with the frame. */
export function readSsml(frame: string): EdgeAsk | string {
  const [, requestId, locale, name, pitch, rate, escaped] = SSML.exec(frame) ?? [];
  if (requestId === undefined || pitch === undefined || escaped === undefined) return "SSML parsing error";
  if (/&(?!(?:amp|lt|gt|quot|apos);)/.test(escaped)) return "SSML parsing error: entity";
  if ([...escaped].some((char) => char < " " && !"\t\n\r".includes(char))) return "SSML parsing error: character";
  if (Buffer.byteLength(escaped) > MAX_TEXT_BYTES) return "SSML too long";
  const entities = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  const text = escaped.replace(/&(\w+);/g, (_, entity: keyof typeof entities) => entities[entity]);
  const change = pitch.endsWith("%") ? Number.parseInt(pitch, 10) / 100 : Number.parseInt(pitch, 10) / 200;
  return { requestId, voice: `${locale}-${name}`, speed: 1 + Number(rate) / 100, pitch: 1 + change, text };
}

export function serverText(requestId: string, path: string, body: unknown): string {
  const type = "application/json; charset=utf-8";
  return `X-RequestId:${requestId}\r\nContent-Type:${type}\r\nPath:${path}\r\n\r\n${JSON.stringify(body)}`;
}

/** Without a type it is the empty frame after the last audio. */
export function serverAudio(requestId: string, streamId: string, audio: Uint8Array, type?: string): Buffer {
  const typeLine = type === undefined ? "" : `Content-Type:${type}\r\n`;
  const headers = Buffer.from(
    `X-RequestId:${requestId}\r\n${typeLine}X-StreamId:${streamId}\r\nPath:audio\r\n`,
    "latin1",
  );
  const length = Buffer.alloc(2);
  length.writeUInt16BE(headers.length);
  return Buffer.concat([length, headers, audio]);
}

/** Offset and duration in 100 ns; the text as XML. */
export function wordMetadata(text: string, startMs: number, endMs: number): unknown {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const word = { Text: escaped, Length: text.length, BoundaryType: "WordBoundary" };
  const [Offset, Duration] = [Math.round(startMs * 10_000), Math.round((endMs - startMs) * 10_000)];
  return { Metadata: [{ Type: "WordBoundary", Data: { Offset, Duration, text: word } }] };
}
