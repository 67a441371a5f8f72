import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions } from "../core/ports.ts";
import { RATE_REFUSED_KEY, RATE_RESETS_KEY, RATE_SERVERS_KEY } from "../redis/keys.ts";
import type { RedisPort } from "../redis/redis-port.ts";
import { inlineScript, loadScript } from "../redis/script.ts";

export type ServersOptions = {
  readonly redis: RedisPort;
  readonly clock: Clock;
  /** Names this server; another one for each start. */
  readonly id: string;
  /** If the operator said how many there are, nobody is counted. */
  readonly fixed?: number | undefined;
  /** An administrator reset somebody on another server. */
  readonly onReset: () => void;
  /** Refusals here since they were last asked for, by user. */
  readonly drainRefused: () => ReadonlyMap<string, number>;
};

export type RefusedUser = { readonly user: string; readonly refusals: number };

const BEAT_EVERY_MS = 5_000;
/** A server that was silent for so long is gone. */
const GONE_AFTER_MS = 16_000;
const beat = loadScript(new URL("./lua/beat.lua", import.meta.url));
const MAX_NAMES = 1_000;

const reset = inlineScript("return redis.call('INCR', KEYS[1])");

/** Makes every server forget the refusals it remembers, within seconds. */
export async function announceReset(redis: RedisPort, options: CallOptions): Promise<void> {
  await redis.runScript(reset, [RATE_RESETS_KEY], [], options);
}

/**
 * Which servers share the limits, by a sign of life every few seconds. The last number stays when Redis is away: that is
 * when it is needed. The same breath carries who was refused how often, and brings word of resets elsewhere.
 */
export class Servers {
  readonly #options: ServersOptions;
  readonly #closed = new AbortController();
  #count: number;
  #resets: number | undefined;

  constructor(options: ServersOptions) {
    this.#options = options;
    this.#count = options.fixed ?? 1;
    void this.#beatOn();
  }

  get count(): number {
    return this.#count;
  }

  /** Users by how often any server refused them, over the last day or so. */
  async mostRefused(limit: number, signal: AbortSignal): Promise<RefusedUser[]> {
    const [, , ...pairs] = await this.#beat(signal, limit);
    return Array.from({ length: pairs.length / 2 }, (_, n) => ({
      user: String(pairs[2 * n]),
      refusals: Number(pairs[2 * n + 1]),
    }));
  }

  close(): void {
    this.#closed.abort(new SpeechError("shutting_down", "the server stops"));
  }

  async #beatOn(): Promise<void> {
    const { redis, clock } = this.#options;
    const { signal } = this.#closed;
    while (!signal.aborted) {
      await redis.whenUp({ signal }).catch(() => {});
      if (!signal.aborted) await this.#beat(signal).catch(() => {});
      await clock.sleep(BEAT_EVERY_MS, signal).catch(() => {});
    }
  }

  async #beat(signal: AbortSignal, top = 0): Promise<(string | number)[]> {
    const { redis, id, fixed, onReset, drainRefused } = this.#options;
    const refused = [...drainRefused()];
    const args = [id, GONE_AFTER_MS, top, MAX_NAMES, ...refused.flatMap(([user, times]) => [times, user])];
    const keys = [RATE_SERVERS_KEY, RATE_RESETS_KEY, RATE_REFUSED_KEY];
    const reply = (await redis.runScript(beat, keys, args, { signal })) as (string | number)[];
    this.#count = fixed ?? Math.max(1, Number(reply[0]));
    const resets = Number(reply[1]);
    if (this.#resets !== undefined && resets !== this.#resets) onReset();
    this.#resets = resets;
    return reply;
  }
}
