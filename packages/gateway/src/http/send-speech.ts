import type { ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";
import { deferred } from "../core/async.ts";
import type { Speech } from "../speech/speak.ts";
import { commonHeaders, type HeaderList } from "./header-list.ts";
import { speechHeaders } from "./speech-headers.ts";

export type SendOptions = {
  /** A client that takes nothing for so long is cut off. */
  readonly slowReaderTimeoutMs: number;
  readonly signal: AbortSignal;
};

/**
 * Sends audio as it comes. The first of it is here already, so the status is decided; if the rest fails, the connection
 * is cut, for a clean end would tell the client that it had heard everything.
 */
export async function sendSpeech(reply: FastifyReply, speech: Speech, options: SendOptions): Promise<void> {
  const headers = speechHeaders(speech);
  if (speech.whole === undefined) return sendChunks(reply, headers, speech.audio, options);
  // Past Fastify's own send, whose hooks and serializers cost a hit a third of its time.
  const { pieces, byteLength } = speech.whole;
  headers.push("content-length", String(byteLength));
  const response = takenOver(reply, headers);
  response.writeHead(200, headers);
  response.cork(); // all of it in one write
  for (let at = 0; at < pieces.length - 1; at++) response.write(pieces[at]);
  response.end(pieces.at(-1));
}

/** Writes chunks at the client's pace. Takes the reply over from Fastify. */
export async function sendChunks(
  reply: FastifyReply,
  headers: HeaderList,
  chunks: AsyncIterable<Uint8Array | string>,
  { slowReaderTimeoutMs, signal }: SendOptions,
): Promise<void> {
  const response = takenOver(reply, headers);
  try {
    response.writeHead(200, headers);
    for await (const chunk of chunks) {
      signal.throwIfAborted();
      if (!response.write(chunk)) await drained(response, slowReaderTimeoutMs);
    }
    response.end();
  } catch {
    response.destroy(); // told in the log by the event that speak sent
  }
}

/** The bare response. What every answer has, and what hooks have set on this one, is added to its headers. */
export function takenOver(reply: FastifyReply, headers: HeaderList): ServerResponse {
  headers.push(...commonHeaders(reply));
  const already = reply.getHeaders();
  for (const name in already) headers.push(name, String(already[name]));
  reply.hijack();
  return reply.raw;
}

async function drained(response: ServerResponse, timeoutMs: number): Promise<void> {
  const { promise, resolve, reject } = deferred();
  const timer = setTimeout(() => reject(new Error(`the client took nothing for ${timeoutMs} ms`)), timeoutMs);
  const closed = (): void => reject(new Error("the client left"));
  response.once("drain", resolve).once("close", closed);
  try {
    if (response.destroyed) closed();
    await promise;
  } finally {
    clearTimeout(timer);
    response.off("drain", resolve).off("close", closed);
  }
}
