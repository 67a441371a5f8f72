import { readdir, readFile } from "node:fs/promises";
import { Redis } from "ioredis";
import { connectionsOf } from "./connections.ts";
import { within } from "./deadline.ts";
import type { SoakGateway } from "./gateway-process.ts";

/** What a process holds: by kind, as it says itself and as the kernel says. */
export type Holdings = Readonly<Record<string, number>>;

const REDIS_MS = 10_000;
const KEYS_PER_STEP = 500;
/** Longer than any key of its kind may still have to live, by the configuration of the soak. */
const MAX_TTL_MS: readonly (readonly [RegExp, number])[] = [
  [/^tts:(stats|purges|jobs)$/, Number.POSITIVE_INFINITY], // counters, registers and the capped log of purges live on
  [/^tts:audio:/, 7_200_000], // CACHE_TTL and CACHE_GRACE
  [/^tts:stats-batch:/, 86_400_000],
  [/^tts:memory-lease$/, 600_000],
  [/^rate:tts:\{=\}/, 86_400_000],
  [/^rate:tts:/, 3_600_000],
];

/** Undefined while the process does not answer. */
export async function holdings(
  gateway: SoakGateway,
  redis: ReadonlyMap<number, string>,
): Promise<Holdings | undefined> {
  const state = await gateway.state();
  if (state === undefined) return undefined;
  const count = async (folder: string): Promise<number> => (await readdir(`/proc/${gateway.pid}/${folder}`)).length;
  return {
    ...state.resources,
    "syntheses running": state.active,
    ...(process.platform === "linux" && {
      ...(await connectionsOf(gateway.pid, new Map([...redis, [gateway.port, "of callers"]]))),
      "open files": await count("fd"),
      threads: await count("task"),
      "child processes": await childrenOf(gateway.pid),
    }),
  };
}

/** What there is more of than there was. Timers come and go by the second and are not counted. */
export function leftOver(before: Holdings, now: Holdings): string[] {
  return Object.entries(now).flatMap(([kind, count]) => {
    const more = count - (before[kind] ?? 0);
    return more > 0 && kind !== "Timeout" && kind !== "Immediate" ? [`${more} ${kind}`] : [];
  });
}

async function childrenOf(pid: number): Promise<number> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return list.split(" ").filter(Boolean).length;
}

export type KeyVerdict = { readonly counts: Readonly<Record<string, number>>; readonly wrong: readonly string[] };

/** Keys by kind; wrong are those that have no end, a later one than their kind may have, or no kind that we know. */
export async function judgeKeys(url: string): Promise<KeyVerdict> {
  const redis = new Redis(url);
  const counts: Record<string, number> = {};
  const wrong: string[] = [];
  const look = async (): Promise<void> => {
    for await (const keys of redis.scanStream({ count: KEYS_PER_STEP }) as AsyncIterable<string[]>) {
      const lives = await Promise.all(keys.map((key) => redis.pttl(key)));
      for (const [at, key] of keys.entries()) {
        const kind = /^(?:rate:)?tts:?[a-z-]*/.exec(key)?.[0] ?? key;
        counts[kind] = (counts[kind] ?? 0) + 1;
        const most = MAX_TTL_MS.find(([pattern]) => pattern.test(key))?.[1];
        const left = lives[at]!;
        if (left === -2) continue; // gone meanwhile
        if (most === undefined) wrong.push(`${key} (should be gone)`);
        else if (most !== Number.POSITIVE_INFINITY && (left === -1 || left > most)) wrong.push(`${key} (${left} ms)`);
      }
    }
  };
  try {
    await within(REDIS_MS, "the keys of a Redis", look());
    return { counts, wrong };
  } finally {
    redis.disconnect();
  }
}
