import type { Clock } from "../core/clock.ts";
import type { CallOptions } from "../core/ports.ts";
import { connect, type RedisClient } from "./connect.ts";
import { RedisHealth, type RedisState, type RedisStateChange } from "./health.ts";
import { RedisError } from "./redis-error.ts";
import { vendor } from "./vendor.ts";

export type GuardedRedisOptions = {
  readonly url: string;
  readonly clock: Clock;
  /** Upper bound of connections to Redis, the shared one included. */
  readonly maxConnections?: number;
  /** Whole deadline of a call that a request waits for. */
  readonly readTimeoutMs?: number;
  /** Whole deadline of a call that nobody waits for. */
  readonly writeTimeoutMs?: number;
  readonly failuresBeforeDown?: number;
  readonly probeEveryMs?: number;
  /** Called once per change. Must not throw. */
  readonly onStateChange?: (change: RedisStateChange) => void;
  /** Called once when a server that answers begins to refuse writes (a replica, a full one), and once when it ends. */
  readonly onWritesChange?: (refused: RedisError | undefined) => void;
};

export type GuardedCallOptions = CallOptions & { readonly timeoutMs: number };

const DEAF_PROBES_BEFORE_RECONNECT = 8;

/**
 * One connection that all commands share (a second one was measured to gain nothing), behind a deadline per call and a
 * breaker. A call settles within its deadline whatever Redis does, and at once while Redis is down.
 */
export class GuardedRedis {
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly #options: GuardedRedisOptions;
  readonly #client: RedisClient;
  readonly #health: RedisHealth;
  #deafProbes = 0;
  readonly #dedicated = new Set<RedisClient>();
  /** What is to be done when what was said in this turn of the event loop has left; undefined: nothing waits to leave. */
  #leaving: (() => void)[] | undefined;
  #writesRefused: RedisError | undefined;

  constructor(options: GuardedRedisOptions) {
    this.#options = options;
    this.readTimeoutMs = options.readTimeoutMs ?? 50;
    this.writeTimeoutMs = options.writeTimeoutMs ?? 500;
    this.#client = connect({ url: options.url, clock: options.clock });
    this.#health = new RedisHealth({
      clock: options.clock,
      failuresBeforeDown: options.failuresBeforeDown ?? 1,
      probeEveryMs: options.probeEveryMs ?? 250,
      probe: () => this.#ping(),
      onChange: options.onStateChange ?? (() => {}),
    });
    this.#client.on("ready", () => this.#health.connected());
    this.#client.on("error", (error) => this.#health.lost(RedisError.from(error))); // unheard, it would end the process
    this.#client.on("close", () => this.#health.lost(new RedisError("the connection to Redis was lost")));
  }

  get state(): RedisState {
    return this.#health.state;
  }

  get isCluster(): boolean {
    return this.#client instanceof vendor().Cluster;
  }

  /** Resolves as soon as calls are let through; for a start that would like to, but need not, wait for Redis. */
  whenUp({ signal }: CallOptions): Promise<void> {
    return this.#health.whenUp(signal);
  }

  /**
   * Sends one command, or several in one go, and waits for the answer. Rejects with the signal's reason, or with a
   * RedisError: down, too late, or an error reply. A command given up may still be carried out later.
   */
  run<T>(send: (client: RedisClient) => Promise<T>, { signal, timeoutMs }: GuardedCallOptions): Promise<T> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#health.state !== "up") return Promise.reject(new RedisError("Redis is down"));
    const sent = this.#sendTogether();
    return withinDeadline(send(this.#client), { timeoutMs, signal, sent }).then(
      (answer) => {
        this.#health.succeeded();
        return answer;
      },
      (thrown: unknown) => {
        signal.throwIfAborted();
        const error = RedisError.from(thrown);
        if (error.isOutage) this.#health.failed(error);
        else this.#health.succeeded();
        throw error;
      },
    );
  }

  /**
   * What is sent in one turn of the event loop leaves in one write: with many callers the system call costs more than the command.
   * A cluster's commands go to several sockets, each as it comes.
   */
  #sendTogether(): Sent {
    if (this.#client instanceof vendor().Cluster) return AT_ONCE;
    const { stream } = this.#client;
    if (stream === undefined) return AT_ONCE;
    const leaving = this.#leaving ?? [];
    if (this.#leaving === undefined) {
      this.#leaving = leaving;
      stream.cork();
      setImmediate(() => {
        this.#leaving = undefined;
        stream.uncork();
        for (const then of leaving) then();
      });
    }
    return (then) => void leaving.push(then);
  }

  /** Why writes are being refused though the server answers; undefined as far as is known they are not. */
  get writesRefused(): RedisError | undefined {
    return this.#writesRefused;
  }

  /** `run` for something that needs memory and a master: its outcome tells whether the server takes writes. */
  async runWrite<T>(send: (client: RedisClient) => Promise<T>, options: GuardedCallOptions): Promise<T> {
    try {
      const answer = await this.run(send, options);
      this.#noteWrites(undefined);
      return answer;
    } catch (error) {
      if (error instanceof RedisError && error.isWriteRefused) this.#noteWrites(error);
      throw error;
    }
  }

  #noteWrites(refused: RedisError | undefined): void {
    const changed = this.#writesRefused?.replyCode !== refused?.replyCode;
    this.#writesRefused = refused;
    if (changed) this.#options.onWritesChange?.(refused);
  }

  /**
   * A connection of its own, for reads that block; undefined when there are as many as allowed. Give it back by
   * `release`.
   */
  dedicated(): RedisClient | undefined {
    const { url, clock, maxConnections = 50 } = this.#options;
    if (this.#dedicated.size + 1 >= maxConnections) return undefined;
    const client = connect({ url, clock, blocks: true });
    client.on("error", () => {}); // its commands reject; unheard, the event would end the process
    this.#dedicated.add(client);
    return client;
  }

  release(client: RedisClient): void {
    if (this.#dedicated.delete(client)) client.disconnect();
  }

  /** Ends every connection. Calls still under way reject. */
  async close(): Promise<void> {
    this.#health.close();
    this.#client.disconnect();
    for (const client of this.#dedicated) this.release(client);
  }

  /**
   * As strict as the calls that will follow: a server too slow for them is down. A connection that stands and stays
   * deaf is replaced, for it may be out of step: answers that come all the time, each to a question long given up.
   */
  async #ping(): Promise<void> {
    if (this.#client.status !== "ready") throw new RedisError("not connected to Redis");
    const { signal } = new AbortController();
    try {
      await withinDeadline(this.#client.ping(), { timeoutMs: this.readTimeoutMs, signal, sent: AT_ONCE });
    } catch (thrown) {
      const error = RedisError.from(thrown);
      if (error.isOutage) {
        if (++this.#deafProbes % DEAF_PROBES_BEFORE_RECONNECT === 0) this.#client.disconnect(true);
        throw error;
      }
      // any other reply (MISCONF, NOPERM) is a sign of life
    }
    this.#deafProbes = 0;
  }
}

/** Tells when a command has left. */
type Sent = (then: () => void) => void;

const AT_ONCE: Sent = (then) => then();

/**
 * Rejects when the answer is late, counted from when the question left: a turn in which hundreds come to ask may take longer than
 * Redis is given, and is not its fault. After a pause of our own (garbage collection, a busy event loop) the timer comes
 * first though the answer is already in the socket, so one turn of the loop is granted for reading it.
 */
function withinDeadline<T>(
  answer: Promise<T>,
  { timeoutMs, signal, sent }: GuardedCallOptions & { readonly sent: Sent },
): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    let over = false;
    const late = (): void => settle(() => reject(new RedisError(`no answer within ${timeoutMs} ms`)));
    const stop = (): void => settle(() => reject(signal.reason));
    const settle = (how: () => void): void => {
      over = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      how(); // only the first one counts for a promise
    };
    sent(() => {
      if (!over) timer = setTimeout(() => setImmediate(late), timeoutMs);
    });
    signal.addEventListener("abort", stop, { once: true });
    answer.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}
