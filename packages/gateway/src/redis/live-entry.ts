/**
 * What stands in the stream of a flight. Entries are numbered `1-0`, `2-0`, … by the leader, not by Redis's clock: a
 * follower sees at once that one is missing, and one sent twice is refused.
 *
 *     head   JSON {v, format}: the first entry, written together with the lease
 *     audio  bytes, and/or  words  JSON [[from, to, startMs, endMs], …]
 *     end    JSON FlightEnd: the last entry
 */
import { AUDIO_FORMAT_NAMES, type AudioFormat, sameFormat } from "../core/audio-format.ts";
import { ERROR_CODES, type ErrorCode } from "../core/errors.ts";
import type { FlightEnd, LivePiece } from "../core/flight-board.ts";
import type { WordPlace } from "../core/ports.ts";

const LAYOUT_VERSION = 1;

/** An entry as the client gives it: id, then fields and values by turns. */
export type RawEntry = readonly [id: Buffer, fields: readonly Buffer[]];
export type LiveEntry = { readonly head: AudioFormat } | { readonly piece: LivePiece } | { readonly end: FlightEnd };

export const entryId = (number: number): string => `${number}-0`;

export function encodeHead(format: AudioFormat): string {
  return JSON.stringify({ v: LAYOUT_VERSION, format });
}

export const encodeEnd = (end: FlightEnd): string => JSON.stringify(end);

/** Fields and values for XADD. */
export function encodePiece({ audio, words }: LivePiece): (string | Buffer)[] {
  const fields: (string | Buffer)[] = [];
  if (audio !== undefined) fields.push("audio", Buffer.from(audio.buffer, audio.byteOffset, audio.byteLength));
  if (words !== undefined)
    fields.push("words", JSON.stringify(words.map(({ from, to, startMs, endMs }) => [from, to, startMs, endMs])));
  return fields;
}

/** The entry if it is the one with this number and written by this version; anything else is `undefined`. */
export function decodeEntry([id, fields]: RawEntry, expected: number): LiveEntry | undefined {
  if (id.toString("latin1") !== entryId(expected)) return undefined;
  let piece: LivePiece = {};
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const value = fields[at + 1]!;
    switch (fields[at]!.toString("latin1")) {
      case "head":
        return headIn(parsed(value));
      case "end":
        return endIn(parsed(value));
      case "audio":
        piece = { ...piece, audio: ownCopy(value) };
        break;
      case "words": {
        const words = wordsIn(parsed(value));
        if (words === undefined) return undefined;
        piece = { ...piece, words };
        break;
      }
      default:
        return undefined;
    }
  }
  return piece.audio === undefined && piece.words === undefined ? undefined : { piece };
}

/** A flight's audio is held until its end; a view would hold the whole read of the socket with it. */
function ownCopy(bytes: Buffer): Uint8Array {
  return new Uint8Array(bytes);
}

function parsed(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString("utf8"));
  } catch {
    return undefined;
  }
}

function headIn(value: unknown): LiveEntry | undefined {
  if (!isRecord(value) || value.v !== LAYOUT_VERSION || !isRecord(value.format)) return undefined;
  const format = value.format as unknown as AudioFormat;
  return AUDIO_FORMAT_NAMES.includes(format.name) && sameFormat(format, { ...format }) ? { head: format } : undefined;
}

function endIn(value: unknown): LiveEntry | undefined {
  if (!isRecord(value)) return undefined;
  if (value.how === "done" || value.how === "left") return { end: { how: value.how } };
  const { how, code, engine, retryAfterMs } = value;
  if (how !== "failed" || typeof code !== "string" || !Object.hasOwn(ERROR_CODES, code)) return undefined;
  return {
    end: {
      how,
      code: code as ErrorCode,
      ...(typeof engine === "string" && { engine }),
      ...(typeof retryAfterMs === "number" && { retryAfterMs }),
    },
  };
}

function wordsIn(value: unknown): WordPlace[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const words: WordPlace[] = [];
  for (const word of value as unknown[]) {
    if (!Array.isArray(word) || word.length !== 4 || !word.every((number) => Number.isFinite(number))) return undefined;
    const [from, to, startMs, endMs] = word as [number, number, number, number];
    words.push({ from, to, startMs, endMs });
  }
  return words;
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
