import type { Job } from "../core/job.ts";
import type { CallOptions } from "../core/ports.ts";
import { JOBS_KEY } from "../redis/keys.ts";
import type { RedisPort } from "../redis/redis-port.ts";
import { inlineScript } from "../redis/script.ts";

/** How long finished jobs are told of. */
const KEEP_MS = 24 * 3_600_000;
const CANCEL = ":cancel";

const save = inlineScript(
  "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) redis.call('PEXPIRE', KEYS[1], ARGV[3]) return redis.call('HEXISTS', KEYS[1], ARGV[1] .. ':cancel')",
);
const all = inlineScript("return redis.call('HGETALL', KEYS[1])");
const cancel = inlineScript(
  "if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end redis.call('HSET', KEYS[1], ARGV[1] .. ':cancel', 1) return 1",
);
const forget = inlineScript(
  "for _, id in ipairs(ARGV) do redis.call('HDEL', KEYS[1], id, id .. ':cancel') end return #ARGV",
);

/** Jobs as all servers see them: a hash in Redis in which each server writes its own, and reads whether to stop them. */
export class SharedJobs {
  readonly #redis: RedisPort;

  constructor(redis: RedisPort) {
    this.#redis = redis;
  }

  /** True: somebody wants it stopped. */
  async save(job: Job, options: CallOptions): Promise<boolean> {
    return (await this.#redis.runScript(save, [JOBS_KEY], [job.id, JSON.stringify(job), KEEP_MS], options)) === 1;
  }

  async all(options: CallOptions): Promise<Job[]> {
    const reply = await this.#redis.runScript(all, [JOBS_KEY], [], options);
    const flat = Array.isArray(reply) ? reply.map(String) : [];
    return flat.flatMap((field, at) => (at % 2 === 0 && !field.endsWith(CANCEL) ? (parsed(flat[at + 1]!) ?? []) : []));
  }

  /** False: there is no such job. */
  async cancel(id: string, options: CallOptions): Promise<boolean> {
    return (await this.#redis.runScript(cancel, [JOBS_KEY], [id], options)) === 1;
  }

  async forget(ids: readonly string[], options: CallOptions): Promise<void> {
    if (ids.length > 0) await this.#redis.runScript(forget, [JOBS_KEY], ids, options);
  }
}

/** What somebody else wrote there is ignored if it is no job. */
function parsed(json: string): Job | undefined {
  try {
    const job = JSON.parse(json) as Partial<Job> | null;
    const whole = typeof job?.id === "string" && typeof job.updatedAtMs === "number" && typeof job.state === "string";
    return whole ? (job as Job) : undefined;
  } catch {
    return undefined;
  }
}
