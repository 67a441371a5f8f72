/**
 * Whether Redis may be asked at all. A breaker with its own probe: `down` after a few failures in a row or a lost
 * connection, then nothing touches the socket but a ping every so often, until one is answered in time.
 *
 * Going down is cheap and quick to undo: the first probe leaves at once, so a single late answer costs one round trip
 * of misses. What must not happen is flapping (a Redis that answers pings and is too slow for audio would cost a
 * caller the full deadline after each recovery): whoever falls again soon after coming back has to wait longer each
 * time.
 */
import type { Clock } from "../core/clock.ts";
import { RedisError } from "./redis-error.ts";

/** `connecting`: never up so far, and nothing has failed yet. Only `up` lets commands through. */
export type RedisState = "connecting" | "up" | "down";
export type RedisStateChange = { readonly state: "up" } | { readonly state: "down"; readonly reason: RedisError };

export type RedisHealthOptions = {
  readonly clock: Clock;
  /** Failures in a row that mean `down`. */
  readonly failuresBeforeDown: number;
  readonly probeEveryMs: number;
  /** Asks for a sign of life, within a deadline of its own. */
  readonly probe: () => Promise<void>;
  /** Called once per change. Must not throw. */
  readonly onChange: (change: RedisStateChange) => void;
};

/** Up for this long is a recovery; down again before is a relapse. */
const STABLE_MS = 5_000;
const MAX_HOLD_MS = 10_000;

export class RedisHealth {
  readonly #options: RedisHealthOptions;
  readonly #closed = new AbortController();
  readonly #waiters = new Set<() => void>();
  #state: RedisState = "connecting";
  #failures = 0;
  #upSinceMs = Number.NEGATIVE_INFINITY;
  #holdMs = 0;
  #holdUntilMs = Number.NEGATIVE_INFINITY;
  #probing = false;

  constructor(options: RedisHealthOptions) {
    this.#options = options;
    void this.#recover();
  }

  get state(): RedisState {
    return this.#state;
  }

  /** A command was answered. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** A command was not, or not in time. */
  failed(reason: RedisError): void {
    if (this.#state === "up" && ++this.#failures >= this.#options.failuresBeforeDown) this.#goDown(reason);
  }

  /** There is no connection. */
  lost(reason: RedisError): void {
    if (this.#state !== "down") this.#goDown(reason);
  }

  /** There is a connection (again): find out now whether it answers. */
  connected(): void {
    void this.#probeOnce();
  }

  /** Resolves when commands are let through; rejects with the signal's reason, or when closed. */
  async whenUp(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#closed.signal]);
    either.throwIfAborted();
    if (this.#state === "up") return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = (): void => reject(either.reason);
    either.addEventListener("abort", giveUp, { once: true });
    this.#waiters.add(resolve);
    await promise.finally(() => {
      this.#waiters.delete(resolve);
      either.removeEventListener("abort", giveUp);
    });
  }

  /** No more probes, no more changes. */
  close(): void {
    this.#state = "down";
    this.#closed.abort(new RedisError("the connection to Redis was closed"));
  }

  #goDown(reason: RedisError): void {
    if (this.#closed.signal.aborted) return;
    const { clock, probeEveryMs, onChange } = this.#options;
    const nowMs = clock.monotonic();
    const wasUp = this.#state === "up";
    const relapse = wasUp && nowMs - this.#upSinceMs < STABLE_MS;
    this.#holdMs = relapse ? Math.min(MAX_HOLD_MS, Math.max(probeEveryMs, this.#holdMs * 2)) : 0;
    this.#holdUntilMs = nowMs + this.#holdMs;
    this.#state = "down";
    onChange({ state: "down", reason });
    if (wasUp) void this.#recover(); // else it is running already
  }

  async #recover(): Promise<void> {
    const { clock, probeEveryMs } = this.#options;
    const { signal } = this.#closed;
    try {
      while (!(await this.#probeOnce())) await clock.sleep(probeEveryMs, signal);
    } catch {
      // closed
    }
  }

  /** True when commands are let through. */
  async #probeOnce(): Promise<boolean> {
    if (this.#state === "up") return true;
    if (this.#probing || this.#closed.signal.aborted) return false;
    this.#probing = true;
    const answered = await this.#options.probe().then(
      () => true,
      () => false,
    );
    this.#probing = false;
    if (answered && !this.#closed.signal.aborted && this.#options.clock.monotonic() >= this.#holdUntilMs) this.#goUp();
    return this.state === "up";
  }

  #goUp(): void {
    this.#state = "up";
    this.#failures = 0;
    this.#upSinceMs = this.#options.clock.monotonic();
    this.#options.onChange({ state: "up" });
    for (const resolve of this.#waiters) resolve();
  }
}
