import { hash } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { concat } from "../../core/async.ts";
import { type AudioFormat, type AudioFormatName, fileExtension, mimeType } from "../../core/audio-format.ts";
import type { Clock } from "../../core/clock.ts";
import { SpeechError } from "../../core/errors.ts";
import type { AudioJoiner } from "../../core/ports.ts";
import { type CachePolicy, DEFAULT_CACHE_POLICY } from "../../core/utterance.ts";
import type { Speak, Speech } from "../../speech/speak.ts";
import { admittedOrThrow } from "../admitted.ts";
import { subjectFields } from "../auth.ts";
import { cachePolicyOf } from "../cache-control.ts";
import { abortedWhenClientLeaves } from "../client-gone.ts";
import { type HeaderList, listOf, recordOf } from "../header-list.ts";
import { audioContent, errorResponses } from "../schemas.ts";
import { sendChunks, takenOver } from "../send-speech.ts";
import { soundHeaders, speechHeaders } from "../speech-headers.ts";
import { tagsOf } from "../tags.ts";
import { ByUrlQuery, utteranceOf } from "./by-url-query.ts";
import { beginsAtStart, parseRange, resolveRange } from "./byte-range.ts";
import { LINKED_ROUTE } from "./links-route.ts";

export type ByUrlRouteDeps = {
  readonly speak: Speak;
  readonly clock: Clock;
  readonly joiner: AudioJoiner;
  readonly formats: Readonly<Record<AudioFormatName, AudioFormat>>;
  readonly slowReaderTimeoutMs: number;
  /** How long an answer may be kept by browsers and CDNs. */
  readonly maxAgeSeconds: number;
};

/** More than this is not held at once: the answer is a stream then, whatever was asked. */
const MAX_HELD_BYTES = 16 * 1024 * 1024;

type Request = FastifyRequest<{ Querystring: ByUrlQuery }>;

/**
 * GET /v1/speech: the audio of POST /v1/audio/speech for whatever fetches a URL: an `<audio src>`, a CDN, a phone system.
 * Stored audio has a strong ETag, a length and ranges. What is made now streams at once, without them, unless the caller
 * wants a part of it or `seekable`: then the answer waits until all of it is there.
 */
export function byUrlRoute(app: FastifyInstance, deps: ByUrlRouteDeps): void {
  const schema = {
    summary: "Speak a text given in the URL",
    description: "For an audio element, a CDN or a phone system. ETag, 304, Range and 206 as HTTP has them.",
    tags: ["speech"],
    querystring: ByUrlQuery,
    response: { 200: audioContent, 206: audioContent, ...errorResponses },
  };
  app.get<{ Querystring: ByUrlQuery }>(LINKED_ROUTE, { schema }, async (request, reply) => {
    const signal = abortedWhenClientLeaves(reply.raw);
    const range = parseRange(request.headers.range);
    const goesOn = request.headers["if-none-match"] !== undefined || !beginsAtStart(range);
    const result = await deps
      .speak(
        {
          ...utteranceOf(request.query, deps.formats),
          ...subjectFields(request, undefined),
          ...tagsOf(asksFreely(request), request.query.tag),
          cache: policyOf(request),
        },
        // One play of an audio element is several requests: those that only ask about it or go on with it are not counted if it is stored.
        { signal, requestId: request.id, ...((goesOn || request.method === "HEAD") && { countHits: false }) },
      )
      .catch((error: unknown) => headOrThrow(error, request, reply, deps));
    if (result === undefined) return reply;
    const speech = admittedOrThrow(result, reply);
    const headers = headersOf(request, speech, deps);
    if (speech.whole !== undefined) return sendHeld(request, reply, headers, speech.whole.bytes);
    const waits = request.query.seekable === "true" || goesOn;
    const held = waits ? await heldOf(speech, deps.joiner) : undefined;
    if (held?.all) return sendHeld(request, reply, headers, held.bytes);
    const chunks = held === undefined ? speech.audio : after(held.bytes, held.rest);
    return sendChunks(reply, headers, chunks, { signal, slowReaderTimeoutMs: deps.slowReaderTimeoutMs });
  });
}

/** A link says by what name its audio is purged; whoever opens it adds none. */
function asksFreely({ caller, headers }: Request): Pick<Request, "headers"> {
  return caller?.by === "link" ? { headers: {} } : { headers };
}

/** A listener with a link costs its maker nothing by pressing reload: only what a cache may ask is asked. */
function policyOf({ method, caller, headers }: Request): CachePolicy {
  const asked = caller?.by === "link" ? DEFAULT_CACHE_POLICY : cachePolicyOf(headers["cache-control"]);
  return method === "HEAD" ? { ...asked, onlyIfCached: true } : asked;
}

/** HEAD synthesizes nothing: of what is not stored it tells the type alone. */
function headOrThrow(error: unknown, { method, query }: Request, reply: FastifyReply, deps: ByUrlRouteDeps): undefined {
  if (method !== "HEAD" || !(error instanceof SpeechError) || error.code !== "not_cached") throw error;
  const { format } = utteranceOf(query, deps.formats);
  void reply.headers({ "content-type": mimeType(format), "cache-control": "no-store" }).send();
  return undefined;
}

function headersOf(request: Request, speech: Speech, { maxAgeSeconds, clock }: ByUrlRouteDeps): HeaderList {
  const open = request.caller?.by !== "key" && request.caller?.by !== "token";
  const { expiresAtMs = Number.POSITIVE_INFINITY } = request.caller ?? {};
  const age = Math.max(0, Math.min(maxAgeSeconds, Math.floor((expiresAtMs - clock.now()) / 1000)));
  const headers = open ? soundHeaders(speech) : speechHeaders(speech); // kept by many, it tells nothing of one caller
  headers.push(
    "cache-control",
    speech.outcomes.stale > 0 ? "no-store" : `${open ? "public" : "private"}, max-age=${age}, immutable`,
    "cross-origin-resource-policy",
    "cross-origin",
    "content-disposition",
    `inline; filename="speech.${fileExtension(speech.format)}"`,
  );
  return headers;
}

type Held =
  | { readonly all: true; readonly bytes: Uint8Array }
  | { readonly all: false; readonly bytes: Uint8Array; readonly rest: AsyncIterator<Uint8Array> };

/** The whole answer as it will be stored, or as much of it as may be held and the rest to come. */
async function heldOf({ audio, format }: Speech, joiner: AudioJoiner): Promise<Held> {
  const chunks: Uint8Array[] = [];
  const rest = audio[Symbol.asyncIterator]();
  for (let bytes = 0; bytes <= MAX_HELD_BYTES; ) {
    const { done, value } = await rest.next();
    if (done) return { all: true, bytes: joiner.joinWhole(format, [concat(chunks)]) };
    chunks.push(value);
    bytes += value.byteLength;
  }
  return { all: false, bytes: concat(chunks), rest };
}

async function* after(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield head;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** 200, 206, 304 or 416 for audio that is all here. */
function sendHeld(request: Request, reply: FastifyReply, headers: HeaderList, audio: Uint8Array): void {
  const etag = etagOf(audio);
  const { range: rangeHeader, "if-range": ifRange, "if-none-match": ifNoneMatch } = request.headers;
  headers.push("etag", etag, "accept-ranges", "bytes");
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, etag)) {
    const { "content-type": _, "content-disposition": __, ...kept } = recordOf(headers);
    send(reply, 304, listOf(kept));
    return;
  }
  const asked = parseRange(ifRange === undefined || ifRange === etag ? rangeHeader : undefined);
  if (asked.kind === "whole") {
    send(reply, 200, headers, audio);
    return;
  }
  const range = resolveRange(asked, audio.byteLength);
  if (range === undefined) {
    send(reply, 416, ["content-range", `bytes */${audio.byteLength}`], new Uint8Array(0));
    return;
  }
  const { from, to } = range;
  headers.push("content-range", `bytes ${from}-${to}/${audio.byteLength}`);
  send(reply, 206, headers, audio.subarray(from, to + 1));
}

function send(reply: FastifyReply, status: number, headers: HeaderList, body?: Uint8Array): void {
  if (body !== undefined) headers.push("content-length", String(body.byteLength));
  takenOver(reply, headers).writeHead(status, headers).end(body);
}

/** Of audio that is kept, and so comes again and again. */
const etags = new WeakMap<Uint8Array, string>();

function etagOf(audio: Uint8Array): string {
  const known = etags.get(audio);
  if (known !== undefined) return known;
  const etag = `"${hash("sha256", audio).slice(0, 32)}"`;
  etags.set(audio, etag);
  return etag;
}

/** RFC 9110 §13.1.2: compared weakly. */
function matches(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch.split(",").some((candidate) => {
    const theirs = candidate.trim();
    return theirs === "*" || theirs === etag || theirs === `W/${etag}`;
  });
}
