import { seededRandom } from "../../src/cli/load/random.ts";
import { startFaultProxy } from "../../test/support/fault-proxy.ts";
import { startRedis } from "../../test/support/redis-process.ts";
import { breakIt } from "./breaking.ts";
import { within } from "./deadline.ts";
import { EngineCalls } from "./engine-calls.ts";
import type { PlannedFault, RedisRole } from "./fault-plan.ts";
import { SoakGateway } from "./gateway-process.ts";
import { SoakCallers } from "./soak-callers.ts";
import { Timeline } from "./timeline.ts";

export type StageOptions = { readonly seed: number; readonly gateways: number; readonly perMinute: number };
export type Stage = Awaited<ReturnType<typeof setStage>>;

const START_MS = 30_000;
const CLOSE_MS = 15_000;

/** Two Redis behind proxies, gateways that share them, and callers; all of it can be broken, and tells what it does. */
export async function setStage({ seed, gateways: count, perMinute }: StageOptions) {
  const timeline = new Timeline();
  const calls = new EngineCalls();
  const crashes: string[] = [];
  const open = async () => {
    const server = await within(START_MS, "a Redis to start", startRedis());
    return { server, proxy: await startFaultProxy({ targetPort: server.port }) };
  };
  const redis: Record<RedisRole, Awaited<ReturnType<typeof open>>> = { audio: await open(), state: await open() };
  const config = {
    redisUrl: `redis://127.0.0.1:${redis.audio.proxy.port}`,
    redisStateUrl: `redis://127.0.0.1:${redis.state.proxy.port}`,
    servers: count,
    rateLimitPerMinute: perMinute,
    rateLimitPerHour: 0,
    engineTimeoutMs: 2_000,
    transcodeWorkers: 1,
    cacheMemoryMaxBytes: 8 * 2 ** 20,
  };
  const gateways = Array.from(
    { length: count },
    (_, gateway) =>
      new SoakGateway({
        config,
        onWord: (word, life) => {
          if (word.type === "note") timeline.note(gateway, word);
          else calls.told(`gateway ${gateway}.${life}`, word);
        },
        onCrash: (how) => crashes.push(how),
      }),
  );
  process.once("exit", () => {
    for (const gateway of gateways) gateway.abandon(); // a frozen one would stay for ever
  });
  for (const gateway of gateways) await gateway.start();
  const callers = new SoakCallers({ ports: gateways.map(({ port }) => port), random: seededRandom(seed + 1) });
  return {
    /** Whom a gateway has two connections to: one for commands, one to follow others, opened when it is first needed. */
    followed: "to the Redis of state",
    /** Names of what gateways are connected to, by port. */
    peers: new Map(Object.entries(redis).map(([role, { proxy }]) => [proxy.port, `to the Redis of ${role}`])),
    ...{ timeline, calls, crashes, gateways, callers, redis },
    breakIt: (fault: PlannedFault) =>
      breakIt(fault, { redis, gateways, timeline, onBadStop: (how) => crashes.push(how) }),
    async close(): Promise<void> {
      for (const gateway of gateways) await gateway.kill();
      const all = Object.values(redis).flatMap(({ server, proxy }) => [proxy.close(), server.stop()]);
      await within(CLOSE_MS, "Redis and its proxies to end", Promise.all([callers.close(), ...all]));
    },
  };
}
