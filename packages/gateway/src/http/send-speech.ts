import type { ServerResponse } from "node:http";
import type { FastifyReply } from "fastify";
import { deferred } from "../core/async.ts";
import type { Speech } from "../speech/speak.ts";
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
  if (speech.whole !== undefined) {
    for await (const _ of speech.audio); // one piece, which is `whole`; pulled so that it is counted
    reply.headers(speechHeaders(speech));
    await reply.send(speech.whole.bytes);
    return;
  }
  await sendChunks(reply, { ...speechHeaders(speech) }, speech.audio, options);
}

/** Writes chunks at the client's pace. Takes the reply over from Fastify. */
export async function sendChunks(
  reply: FastifyReply,
  headers: Record<string, string>,
  chunks: AsyncIterable<Uint8Array | string>,
  { slowReaderTimeoutMs, signal }: SendOptions,
): Promise<void> {
  const already = reply.getHeaders();
  reply.hijack();
  const response = reply.raw;
  try {
    response.writeHead(200, { ...(already as Record<string, string>), ...headers });
    for await (const chunk of chunks) {
      signal.throwIfAborted();
      if (!response.write(chunk)) await drained(response, slowReaderTimeoutMs);
    }
    response.end();
  } catch {
    response.destroy(); // told in the log by the event that speak sent
  }
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
