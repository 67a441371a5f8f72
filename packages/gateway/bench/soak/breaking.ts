import { Redis } from "ioredis";
import type { FaultProxy } from "../../test/support/fault-proxy.ts";
import type { RedisProcess } from "../../test/support/redis-process.ts";
import { within } from "./deadline.ts";
import type { PlannedFault, RedisRole } from "./fault-plan.ts";
import type { SoakGateway } from "./gateway-process.ts";
import { now } from "./now.ts";
import type { Timeline } from "./timeline.ts";

export type Breakables = {
  readonly redis: Readonly<Record<RedisRole, { readonly server: RedisProcess; readonly proxy: FaultProxy }>>;
  readonly gateways: readonly SoakGateway[];
  readonly timeline: Timeline;
  /** A gateway that was told to stop and did not end in order. */
  readonly onBadStop: (how: string) => void;
};
type Mend = () => Promise<void> | void;

const REDIS_MS = 15_000;

/** Past the proxy, which may be broken too. */
async function tell({ url }: RedisProcess, command: string, ...words: readonly string[]): Promise<void> {
  const client = new Redis(url);
  try {
    await within(REDIS_MS, `a Redis to take ${command}`, client.call(command, ...words));
  } finally {
    client.disconnect();
  }
}

/** Breaks what the plan says. Gives what mends it. */
export async function breakIt(fault: PlannedFault, parts: Breakables): Promise<Mend> {
  const what = {
    ...("gateway" in fault && { gateway: fault.gateway }),
    ...("redis" in fault && { redis: fault.redis }),
  };
  const over = parts.timeline.fault(fault.kind, now(), what);
  const mend = await broken(fault, parts);
  return async () => {
    await mend();
    over();
  };
}

async function broken(fault: PlannedFault, { redis, gateways, timeline, onBadStop }: Breakables): Promise<Mend> {
  switch (fault.kind) {
    case "redis killed": {
      const { server } = redis[fault.redis];
      await within(REDIS_MS, "a Redis to be killed", server.kill());
      return () => within(REDIS_MS, "a Redis to start", server.restart());
    }
    case "redis frozen":
      redis[fault.redis].server.freeze();
      return () => redis[fault.redis].server.thaw();
    case "redis full":
      await tell(redis[fault.redis].server, "CONFIG", "SET", "maxmemory", "1");
      return () => tell(redis[fault.redis].server, "CONFIG", "SET", "maxmemory", "0");
    case "redis read-only": // the replica of a master that is not there
      await tell(redis[fault.redis].server, "REPLICAOF", "127.0.0.1", "1");
      return () => tell(redis[fault.redis].server, "REPLICAOF", "NO", "ONE");
    case "redis slow":
      redis[fault.redis].proxy.set({ delayMs: fault.delayMs });
      return () => redis[fault.redis].proxy.heal();
    case "redis resets":
      redis[fault.redis].proxy.set({ resetAfterBytes: fault.afterBytes });
      return () => redis[fault.redis].proxy.heal();
    case "gateway frozen":
      gateways[fault.gateway]!.freeze();
      return () => gateways[fault.gateway]!.thaw();
    case "gateway killed":
    case "gateway stopped": {
      const gateway = gateways[fault.gateway]!;
      if (fault.kind === "gateway killed") await gateway.kill();
      else {
        const code = await gateway.stop();
        if (code !== 0) onBadStop(`SIGTERM: ended with ${code}`);
      }
      timeline.restarted(fault.gateway);
      return () => gateway.start();
    }
    case "engine fails":
    case "engine hangs":
    case "engine slow":
    case "engine silent":
      for (const gateway of gateways) gateway.script(fault.engine, fault.script);
      return () => {
        for (const gateway of gateways) gateway.script(fault.engine, {});
      };
  }
}
