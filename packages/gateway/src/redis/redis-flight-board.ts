/**
 * One flight per segment over all servers. Whoever sets the lease leads: it renews the lease while it works and writes
 * what it makes to a stream whose name holds its token. The others read that stream from its start. When the lease runs
 * out (killed, frozen, cut off from Redis) one of them takes it, with a token and a stream of its own, so that whatever
 * the old leader still writes reaches nobody. Times are Redis's own (PX) or measured here; no clock is compared with another.
 */
import { randomUUID } from "node:crypto";
import { PushStream } from "../core/async.ts";
import type { AudioFormat } from "../core/audio-format.ts";
import { sameFormat } from "../core/audio-format.ts";
import type { CacheKey } from "../core/cache-key.ts";
import type { Clock } from "../core/clock.ts";
import type {
  BoardOptions,
  FlightBoard,
  FlightSeat,
  FollowedEnd,
  LiveFlight,
  LivePiece,
} from "../core/flight-board.ts";
import { type FlightKeys, type FlightTimes, RedisFlightLead } from "./flight-lead.ts";
import type { GuardedRedis } from "./guarded-redis.ts";
import { flightKey, followedKey, liveKey } from "./keys.ts";
import { decodeEntry, encodeHead, entryId, type RawEntry } from "./live-entry.ts";
import { LiveReader } from "./live-reader.ts";
import { RedisError } from "./redis-error.ts";
import { type RedisPort, redisPort } from "./redis-port.ts";
import { loadScript } from "./script.ts";

export type RedisFlightBoardOptions = {
  readonly redis: GuardedRedis;
  readonly clock: Clock;
  readonly times?: Partial<FlightTimes>;
  /** Flights of other servers followed at once; further ones are made here. */
  readonly maxFollowed?: number;
};

const BOARD = loadScript(new URL("./lua/board-flight.lua", import.meta.url));
const ATTEND = loadScript(new URL("./lua/attend-flight.lua", import.meta.url));

/** A dead leader is replaced within lease + attend, below two seconds; a living one may be late by 1.1 s. */
const TIMES: FlightTimes = {
  leaseMs: 1_500,
  renewEveryMs: 400,
  attendEveryMs: 300,
  followedMs: 1_500,
  lingerMs: 10_000, // longer than storing may take: who misses both the store and the flight would synthesize again
};
/** A failed question is asked once more after this: Redis being called down for one late answer is no reason to leave. */
const ASK_AGAIN_MS = 40;
const OVER = new RedisError("the flight is followed no longer");

/** The board in Redis. Whatever Redis does, nobody waits longer for it than for one read. */
export class RedisFlightBoard implements FlightBoard {
  readonly #options: RedisFlightBoardOptions;
  readonly #port: RedisPort;
  readonly #times: FlightTimes;
  readonly #reader: LiveReader;

  constructor(options: RedisFlightBoardOptions) {
    this.#options = options;
    this.#port = redisPort(options.redis);
    this.#times = { ...TIMES, ...options.times };
    this.#reader = new LiveReader(options);
  }

  async board(key: CacheKey, { format, joinEnded, signal }: BoardOptions): Promise<FlightSeat> {
    const { redis, clock, maxFollowed = 256 } = this.#options;
    const port = this.#port;
    const times = this.#times;
    signal.throwIfAborted();
    if (redis.state !== "up" || this.#reader.size >= maxFollowed) return { role: "alone" };
    const token = randomUUID();
    const keys = keysOf(key, token);
    const [prefix, suffix] = followedKey(key, "\n").split("\n") as [string, string];
    const args = [token, times.leaseMs, times.lingerMs, encodeHead(format), joinEnded ? "1" : "0"];
    try {
      const rest = [prefix, suffix, times.followedMs];
      const leader = await port.runScript(BOARD, [keys.lease, keys.live], [...args, ...rest], { signal });
      if (leader === "")
        return { role: "leader", lead: new RedisFlightLead({ redis, port, clock, keys, token, times }) };
      if (typeof leader !== "string") return { role: "alone" };
      return { role: "follower", flight: this.#flight(key, leader, format) };
    } catch (error) {
      if (signal.aborted) throw error;
      return { role: "alone" };
    }
  }

  async close(): Promise<void> {
    this.#reader.close();
  }

  #flight(key: CacheKey, token: string, format: AudioFormat): LiveFlight {
    return { follow: ({ signal }) => this.#follow(keysOf(key, token), token, format, signal) };
  }

  async *#follow(
    keys: FlightKeys,
    token: string,
    format: AudioFormat,
    signal: AbortSignal,
  ): AsyncGenerator<LivePiece | FollowedEnd> {
    const inbox = new PushStream<readonly RawEntry[] | "gone" | "unreachable">();
    const attendance = new Attendance({ ask: () => this.#attend(keys, token), clock: this.#options.clock, inbox });
    const leave = this.#reader.follow(keys.live, {
      entries: (entries) => inbox.push(entries),
      trouble: () => attendance.askNow(),
    });
    const stop = (): void => inbox.fail(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    attendance.start(this.#times.attendEveryMs);
    try {
      signal.throwIfAborted();
      let next = 1;
      for await (const news of inbox) {
        if (news === "unreachable") break;
        // What the leader wrote before it went may still be on its way.
        const entries = news === "gone" ? await this.#rest(keys, next, signal) : news;
        for (const raw of entries) {
          const entry = decodeEntry(raw, next++);
          if (entry === undefined) return yield { how: "unreachable" };
          if ("piece" in entry) yield entry.piece;
          else if ("end" in entry) return yield entry.end;
          else if (!sameFormat(entry.head, format)) return yield { how: "unreachable" };
        }
        if (news === "gone") return yield { how: "lost" };
      }
      yield { how: "unreachable" };
    } finally {
      signal.removeEventListener("abort", stop);
      attendance.end();
      leave();
    }
  }

  /** Says that we follow; whether that leader still leads, or has ended and left all of it. */
  async #attend(keys: FlightKeys, token: string): Promise<boolean> {
    const { signal } = new AbortController();
    const lease = await this.#port.runScript(ATTEND, [keys.lease, keys.followed], [this.#times.followedMs], { signal });
    return lease === `run:${token}` || lease === `end:${token}`;
  }

  async #rest(keys: FlightKeys, next: number, signal: AbortSignal): Promise<readonly RawEntry[]> {
    const { redis } = this.#options;
    return redis
      .run((client) => client.xrangeBuffer(keys.live, entryId(next), "+"), { signal, timeoutMs: redis.readTimeoutMs })
      .then(
        (entries) => entries as RawEntry[],
        () => [],
      );
  }
}

type AttendanceOptions = {
  /** False: the leader is gone. */
  readonly ask: () => Promise<boolean>;
  readonly clock: Clock;
  readonly inbox: { push(news: "gone" | "unreachable"): void };
};

/** Asks for the leader every so often, and at once when told to; puts the answer that ends the flight into the inbox. */
class Attendance {
  readonly #options: AttendanceOptions;
  readonly #over = new AbortController();
  #nap = new AbortController();

  constructor(options: AttendanceOptions) {
    this.#options = options;
  }

  start(everyMs: number): void {
    void this.#run(everyMs);
  }
  askNow(): void {
    this.#nap.abort(OVER);
  }
  end(): void {
    this.#over.abort(OVER);
    this.#nap.abort(OVER);
  }

  async #run(everyMs: number): Promise<void> {
    const { ask, inbox } = this.#options;
    for (let failures = 0; ; ) {
      await this.#sleep(failures === 0 ? everyMs : ASK_AGAIN_MS);
      if (this.#over.signal.aborted) return;
      const alive = await ask().catch(() => undefined);
      if (alive === false) return inbox.push("gone");
      failures = alive === undefined ? failures + 1 : 0;
      if (failures > 1) return inbox.push("unreachable");
    }
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#over.signal.aborted) return;
    if (this.#nap.signal.aborted) this.#nap = new AbortController();
    await this.#options.clock.sleep(ms, this.#nap.signal).catch(() => {});
  }
}

function keysOf(key: CacheKey, token: string): FlightKeys {
  return { lease: flightKey(key), live: liveKey(key, token), followed: followedKey(key, token) };
}
