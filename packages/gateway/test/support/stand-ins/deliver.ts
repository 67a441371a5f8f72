import { setTimeout as sleep } from "node:timers/promises";
import type { Fault } from "./fault.ts";

/** What a stand-in may be made to say instead of what it was asked for. */
export type Performance = "speech" | "silence" | "wrong-format";

export type Delivery = {
  readonly fault: Fault | undefined;
  /** All of the audio. */
  readonly make: (what: Performance) => Promise<Uint8Array>;
  /** Passes on one piece, in the protocol's own shape, when there is room for it. `at` is where it begins, `total` how long all of it is. */
  readonly send: (audio: Uint8Array, at: number, total: number) => Promise<void>;
  /** Aborts when the caller has left. */
  readonly signal: AbortSignal;
  /** Audio of one piece. Default 4,800: a tenth of a second of PCM at 24 kHz. */
  readonly chunkBytes?: number;
  /** Between pieces. Default 0. */
  readonly everyMs?: number;
};

/** What the stand-in has to do with the connection now: end the answer, cut it, leave it open, or nothing, as the caller is gone. */
export type Ending = "end" | "cut" | "hang" | "gone";

/** Says one piece of audio after the other, wrong in the way of the fault. Faults from before any audio are the protocol's own business. */
export async function deliver({ fault, make, send, signal, ...pace }: Delivery): Promise<Ending> {
  const audio = await performed(fault, make);
  const { chunkBytes, everyMs } =
    fault?.kind === "trickle" ? fault : { chunkBytes: pace.chunkBytes ?? 4800, everyMs: pace.everyMs ?? 0 };
  const end = limitOf(fault, audio.byteLength);
  for (let at = 0; at < end && !signal.aborted; ) {
    const from = at % audio.byteLength;
    const piece = audio.subarray(from, Math.min(from + chunkBytes, from + end - at));
    await send(piece, at, audio.byteLength);
    at += piece.byteLength;
    if (everyMs > 0) await sleep(everyMs, undefined, { signal }).catch(() => {});
    else await new Promise(setImmediate); // audio without end must not keep everybody else waiting
  }
  if (signal.aborted) return "gone";
  if (fault?.kind === "cut-after") return "cut";
  return fault?.kind === "hang-after" ? "hang" : "end";
}

async function performed(fault: Fault | undefined, make: Delivery["make"]): Promise<Uint8Array> {
  if (fault?.kind === "silence" || fault?.kind === "wrong-format") return make(fault.kind);
  const audio = await make("speech");
  return fault?.kind === "noise" ? noise(audio.byteLength) : audio;
}

function limitOf(fault: Fault | undefined, whole: number): number {
  if (fault?.kind === "endless") return Number.POSITIVE_INFINITY;
  if (fault?.kind === "hang-after" || fault?.kind === "cut-after" || fault?.kind === "half")
    return Math.min(whole, fault.bytes);
  return whole;
}

/** Bytes without any sense, the same every time. */
function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 0x2545_f491;
  for (let at = 0; at < length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[at] = state & 0xff;
  }
  return bytes;
}
