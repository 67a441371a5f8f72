import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions } from "../core/ports.ts";
import { API_KEYS_KEY } from "../redis/keys.ts";
import type { RedisPort } from "../redis/redis-port.ts";
import { inlineScript } from "../redis/script.ts";
import { keyId } from "./api-key.ts";
import type { KeyRecord } from "./identity.ts";
import type { KeyRing } from "./key-ring.ts";

export type SharedKeysOptions = {
  readonly redis: RedisPort;
  readonly clock: Clock;
  readonly ring: KeyRing;
  readonly onProblem: (problem: string) => void;
};

const REFRESH_EVERY_MS = 15_000;
const MAX_KEYS = 10_000;

const all = inlineScript("return redis.call('HGETALL', KEYS[1])");
const one = inlineScript("return redis.call('HGET', KEYS[1], ARGV[1])");
const put = inlineScript(
  "if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) return 1",
);
const remove = inlineScript("return redis.call('HDEL', KEYS[1], ARGV[1])");

/**
 * Keys that all servers share: a hash in Redis, read into the ring every few seconds. Without Redis those last read go on
 * holding. A key made on another server is found at once, by one question; a revoked one is turned away everywhere
 * within 15 seconds.
 */
export class SharedKeys {
  readonly #options: SharedKeysOptions;
  readonly #closed = new AbortController();

  constructor(options: SharedKeysOptions) {
    this.#options = options;
    void this.#refreshOn();
  }

  /** Reads them now. Rejects if Redis cannot be reached. */
  async refresh({ signal }: CallOptions): Promise<void> {
    const { redis, ring } = this.#options;
    ring.replaceShared(records(await redis.runScript(all, [API_KEYS_KEY], [], { signal })));
  }

  /** A key that this server has not read yet. Undefined too when Redis cannot say. */
  async find(hash: string, { signal }: CallOptions): Promise<KeyRecord | undefined> {
    const { redis, ring } = this.#options;
    const found = await redis.runScript(one, [API_KEYS_KEY], [hash], { signal }).catch(() => undefined);
    const record = typeof found === "string" ? parsed(hash, found) : undefined;
    if (record !== undefined) ring.add(record);
    return record;
  }

  async create(record: KeyRecord, options: CallOptions): Promise<void> {
    const { hash, ...rest } = record;
    const args = [hash, JSON.stringify(rest), MAX_KEYS];
    const stored = await this.#options.redis.runScript(put, [API_KEYS_KEY], args, options);
    if (stored !== 1) throw new SpeechError("overloaded", `there are ${MAX_KEYS} keys already; revoke some`);
    this.#options.ring.add(record);
  }

  /** By id or hash. True if there was one. */
  async revoke(idOrHash: string, options: CallOptions): Promise<boolean> {
    const { redis, ring } = this.#options;
    await this.refresh(options);
    const found = ring
      .list()
      .filter(({ source, id, hash }) => source === "redis" && (id === idOrHash || hash === idOrHash));
    for (const { hash } of found) await redis.runScript(remove, [API_KEYS_KEY], [hash], options);
    await this.refresh(options);
    return found.length > 0;
  }

  close(): void {
    this.#closed.abort(new SpeechError("shutting_down", "the server stops"));
  }

  async #refreshOn(): Promise<void> {
    const { redis, clock, onProblem } = this.#options;
    const { signal } = this.#closed;
    try {
      for (;;) {
        await redis.whenUp({ signal });
        await this.refresh({ signal }).catch((error: unknown) => onProblem(String(error)));
        await clock.sleep(REFRESH_EVERY_MS, signal);
      }
    } catch {
      // closed
    }
  }
}

function records(reply: unknown): KeyRecord[] {
  const flat = Array.isArray(reply) ? reply.map(String) : [];
  const found: KeyRecord[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const record = parsed(flat[at]!, flat[at + 1]!);
    if (record !== undefined) found.push(record);
  }
  return found;
}

/** What somebody else wrote there is ignored if it is no record. */
function parsed(hash: string, json: string): KeyRecord | undefined {
  try {
    const { user, tenant, plan, admin, createdAtMs } = JSON.parse(json) as Partial<KeyRecord>;
    if (typeof user !== "string" || keyId(hash) === "") return undefined;
    return {
      hash,
      user,
      ...(typeof tenant === "string" && { tenant }),
      ...(typeof plan === "string" && { plan }),
      ...(admin === true && { admin }),
      ...(typeof createdAtMs === "number" && { createdAtMs }),
    };
  } catch {
    return undefined;
  }
}
