import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions } from "../core/ports.ts";
import { ENGINES_OFF_KEY } from "../redis/keys.ts";
import type { RedisPort } from "../redis/redis-port.ts";
import { inlineScript } from "../redis/script.ts";
import type { EngineStates } from "../speech/engine-states.ts";

export type EngineSwitchesOptions = {
  readonly states: EngineStates;
  /** Of this server. */
  readonly engines: readonly string[];
  readonly clock: Clock;
  /** Absent: what is switched holds for this server until it ends. */
  readonly redis?: RedisPort | undefined;
};

/** Who switched an engine off, and when. */
export type SwitchedOff = { readonly by: string; readonly atMs: number };

const READ_EVERY_MS = 1_000;

const all = inlineScript("return redis.call('HGETALL', KEYS[1])");
const put = inlineScript("return redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])");
const remove = inlineScript("return redis.call('HDEL', KEYS[1], ARGV[1])");

/**
 * Engines that an administrator has switched off: on all servers that share a Redis, within a second or two, and after
 * a restart. While Redis is away a switch holds on the server that was told, and is passed on when Redis is back.
 */
export class EngineSwitches {
  readonly #options: EngineSwitchesOptions;
  readonly #closed = new AbortController();
  readonly #off = new Map<string, SwitchedOff>();
  /** Not yet in Redis. */
  readonly #pending = new Map<string, SwitchedOff | undefined>();
  /** Switches made here: what was read before one must not undo it. */
  #made = 0;

  constructor(options: EngineSwitchesOptions) {
    this.#options = options;
    if (options.redis !== undefined) void this.#readOn(options.redis);
  }

  /** Undefined: it is on. */
  of(engine: string): SwitchedOff | undefined {
    return this.#off.get(engine);
  }

  /** Holds here at once. `shared`: other servers will hear of it now, not only when Redis is back. */
  async set(
    engine: string,
    { on, by }: { readonly on: boolean; readonly by: string },
    { signal }: CallOptions,
  ): Promise<{ readonly shared: boolean }> {
    const { redis, clock } = this.#options;
    const off = on ? undefined : { by, atMs: clock.now() };
    this.#made++;
    this.#apply(engine, off);
    if (redis === undefined) return { shared: false };
    this.#pending.set(engine, off);
    return this.#flush(redis, signal).then(
      () => ({ shared: true }),
      () => ({ shared: false }),
    );
  }

  /** Reads what others have switched; for a server that is about to start. Never rejects. */
  async refresh(options: CallOptions): Promise<void> {
    const { redis } = this.#options;
    if (redis?.state === "up") await this.#read(redis, options.signal).catch(() => {});
  }

  close(): void {
    this.#closed.abort(new SpeechError("shutting_down", "the server stops"));
  }

  #apply(engine: string, off: SwitchedOff | undefined): void {
    const state = this.#options.states.of(engine);
    if (off === undefined) {
      this.#off.delete(engine);
      state.enable();
    } else {
      this.#off.set(engine, off);
      state.disable();
    }
  }

  async #readOn(redis: RedisPort): Promise<void> {
    const { signal } = this.#closed;
    try {
      for (;;) {
        await redis.whenUp({ signal });
        await this.#flush(redis, signal)
          .then(() => this.#read(redis, signal))
          .catch(() => {}); // told as an outage, elsewhere
        await this.#options.clock.sleep(READ_EVERY_MS, signal);
      }
    } catch {
      // closed
    }
  }

  async #flush(redis: RedisPort, signal: AbortSignal): Promise<void> {
    for (const [engine, off] of this.#pending) {
      if (off === undefined) await redis.runScript(remove, [ENGINES_OFF_KEY], [engine], { signal });
      else await redis.runScript(put, [ENGINES_OFF_KEY], [engine, JSON.stringify(off)], { signal });
      if (this.#pending.get(engine) === off) this.#pending.delete(engine);
    }
  }

  async #read(redis: RedisPort, signal: AbortSignal): Promise<void> {
    const made = this.#made;
    const reply = await redis.runScript(all, [ENGINES_OFF_KEY], [], { signal });
    if (made !== this.#made) return;
    const flat = Array.isArray(reply) ? reply.map(String) : [];
    const off = new Map(
      flat.flatMap((name, at) => (at % 2 === 0 ? [[name, switchedOff(flat[at + 1]!)] as const] : [])),
    );
    for (const engine of this.#options.engines)
      if (!this.#pending.has(engine) && off.has(engine) !== this.#off.has(engine)) this.#apply(engine, off.get(engine));
  }
}

/** Whatever stands there, the engine is off. */
function switchedOff(json: string): SwitchedOff {
  try {
    const { by, atMs } = JSON.parse(json) as Partial<SwitchedOff>;
    return { by: typeof by === "string" ? by : "?", atMs: typeof atMs === "number" ? atMs : 0 };
  } catch {
    return { by: "?", atMs: 0 };
  }
}
