import { concat } from "../core/async.ts";
import type { Clock } from "../core/clock.ts";
import type { FlightEnd, FlightLead, LivePiece } from "../core/flight-board.ts";
import type { GuardedRedis } from "./guarded-redis.ts";
import { encodeEnd, encodePiece, entryId } from "./live-entry.ts";
import { RedisError } from "./redis-error.ts";
import type { RedisPort } from "./redis-port.ts";
import { loadScript } from "./script.ts";

/** The keys of one leader's flight; all in one cluster slot. */
export type FlightKeys = { readonly lease: string; readonly live: string; readonly followed: string };

/** Milliseconds; together they decide how soon a dead leader is replaced. */
export type FlightTimes = {
  /** A leader that has not renewed for this long is dead. */
  readonly leaseMs: number;
  readonly renewEveryMs: number;
  /** How often a follower asks whether the leader lives. */
  readonly attendEveryMs: number;
  /** How long a server that follows counts as following after it last said so. */
  readonly followedMs: number;
  /** How long a stream lives after it was last renewed, and how long an ended one stays for its readers. */
  readonly lingerMs: number;
};

export type FlightLeadOptions = {
  readonly redis: GuardedRedis;
  readonly port: RedisPort;
  readonly clock: Clock;
  readonly keys: FlightKeys;
  readonly token: string;
  readonly times: FlightTimes;
};

const RENEW = loadScript(new URL("./lua/renew-flight.lua", import.meta.url));
const END = loadScript(new URL("./lua/end-flight.lua", import.meta.url));

const MAX_ENTRY_BYTES = 16 * 1024;
/** Entries sent in one go. */
const MAX_ENTRIES_AT_ONCE = 8;
const RETRY_MS = 25;
const FIRST_PIECE = 2; // the head is the first entry

/**
 * The lead of one flight in Redis. Pieces that come while others are being sent are put together, so a fast engine
 * costs few commands and a slow one no delay. A send that fails is tried again for as long as the lease may still be
 * ours; after that the lead is lost, nothing more is written, and the caller notices nothing.
 */
export class RedisFlightLead implements FlightLead {
  readonly #options: FlightLeadOptions;
  readonly #over = new AbortController();
  readonly #queue: LivePiece[] = [];
  #lost = false;
  #next = FIRST_PIECE;
  #renewedAtMs: number;
  #sending: Promise<void> | undefined;
  #ending: Promise<unknown> | undefined;

  constructor(options: FlightLeadOptions) {
    this.#options = options;
    this.#renewedAtMs = options.clock.monotonic();
    void this.#keepLease();
  }

  get lost(): boolean {
    return this.#lost;
  }

  publish(piece: LivePiece): void {
    if (this.#over.signal.aborted || this.#ending !== undefined) return;
    this.#queue.push(piece);
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined;
    });
  }

  async end(end: FlightEnd): Promise<void> {
    this.#ending ??= this.#sendEnd(end, false);
    await this.#ending;
  }

  async leaveUnlessFollowed(): Promise<boolean> {
    return this.#ending !== undefined || (await this.#sendEnd({ how: "left" }, true));
  }

  /** False: somebody follows. */
  async #sendEnd(end: FlightEnd, unlessFollowed: boolean): Promise<boolean> {
    while (this.#sending !== undefined) await this.#sending;
    const { signal } = this.#over;
    if (signal.aborted) return true;
    const { port, keys, token, times } = this.#options;
    const args = [token, entryId(this.#next), encodeEnd(end), times.lingerMs];
    const flags = [end.how === "done" ? "1" : "0", unlessFollowed ? "1" : "0"];
    const all = [keys.lease, keys.live, keys.followed];
    const answer = await this.#insisting(() => port.runScript(END, all, [...args, ...flags], { signal }));
    if (answer === 0) return false;
    if (answer !== 1) this.#lost = true; // another has it, or Redis is out of reach: the lease runs out, and whoever follows takes over
    this.#over.abort(new RedisError("the flight is over"));
    return true;
  }

  /** Tries again while the lease may still be ours and Redis does not refuse. Undefined: in vain. */
  async #insisting<T>(send: () => Promise<T>): Promise<T | undefined> {
    const { clock, times } = this.#options;
    const { signal } = this.#over;
    while (!signal.aborted) {
      try {
        return await send();
      } catch (error) {
        const refused = error instanceof RedisError && !error.isOutage;
        if (refused || clock.monotonic() - this.#renewedAtMs > times.leaseMs) return undefined;
        await clock.sleep(RETRY_MS, signal).catch(() => {});
      }
    }
    return undefined;
  }

  async #keepLease(): Promise<void> {
    const { port, clock, keys, token, times } = this.#options;
    const { signal } = this.#over;
    try {
      for (;;) {
        await clock.sleep(times.renewEveryMs, signal);
        const askedAtMs = clock.monotonic();
        const args = [token, times.leaseMs, times.lingerMs];
        const renewed = await port.runScript(RENEW, [keys.lease, keys.live], args, { signal }).catch(() => undefined);
        if (renewed === 0) this.#lose();
        if (renewed === 1) this.#renewedAtMs = askedAtMs;
      }
    } catch {
      // over
    }
  }

  async #send(): Promise<void> {
    while (this.#queue.length > 0 && !this.#over.signal.aborted) {
      const pieces = takeEntries(this.#queue);
      const first = this.#next;
      this.#next += pieces.length;
      await this.#addAll(pieces, first);
    }
  }

  async #addAll(pieces: readonly LivePiece[], first: number): Promise<void> {
    const { redis, keys } = this.#options;
    const options = { signal: this.#over.signal, timeoutMs: redis.writeTimeoutMs };
    const add = (piece: LivePiece, number: number): Promise<boolean> =>
      redis
        .run((client) => client.xadd(keys.live, "NOMKSTREAM", entryId(number), ...encodePiece(piece)), options)
        .then((id) => id !== null, isThereAlready);
    const added = await this.#insisting(() => Promise.all(pieces.map((piece, at) => add(piece, first + at))));
    if (added === undefined || added.includes(false)) this.#lose(); // false: the stream is gone, all have given us up
  }

  /** Also gives the lease back, so that followers need not wait for its end. */
  #lose(): void {
    if (this.#over.signal.aborted) return;
    const { port, keys, token, times } = this.#options;
    this.#lost = true;
    this.#over.abort(new RedisError("the lead is lost"));
    const { signal } = new AbortController();
    port.runScript(RENEW, [keys.lease, keys.live], [token, 0, times.lingerMs], { signal }).catch(() => {});
  }
}

/** Redis refuses an id that is not beyond the last: an entry whose answer was lost is there already. */
function isThereAlready(error: unknown): true {
  if (error instanceof RedisError && error.message.includes("equal or smaller")) return true;
  throw error;
}

/** Takes the front of the queue, in entries of a good size: small pieces put together, large ones cut. */
function takeEntries(queue: LivePiece[]): LivePiece[] {
  const entries: LivePiece[] = [];
  while (queue.length > 0 && entries.length < MAX_ENTRIES_AT_ONCE) {
    const audio: Uint8Array[] = [];
    const words = [];
    let bytes = 0;
    while (queue.length > 0 && bytes < MAX_ENTRY_BYTES) {
      const piece = queue.shift()!;
      words.push(...(piece.words ?? []));
      if (piece.audio === undefined) continue;
      const room = MAX_ENTRY_BYTES - bytes;
      audio.push(piece.audio.subarray(0, room));
      bytes += Math.min(room, piece.audio.byteLength);
      if (piece.audio.byteLength > room) queue.unshift({ audio: piece.audio.subarray(room) });
    }
    entries.push({ ...(bytes > 0 && { audio: concat(audio) }), ...(words.length > 0 && { words }) });
  }
  return entries;
}
