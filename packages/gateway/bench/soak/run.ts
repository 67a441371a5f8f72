/**
 * `npm run soak`: random load on two gateways that share two Redis, while Redis, engines and gateways are killed, frozen and slowed
 * at random from a seed that is printed. At the end everything that must hold is checked; ends with 1 if something does not.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { seededRandom } from "../../src/cli/load/random.ts";
import { startFaultProxy } from "../../test/support/fault-proxy.ts";
import { startRedis } from "../../test/support/redis-process.ts";
import { judgeMemory } from "../support/flat-memory.ts";
import { table } from "../support/report.ts";
import { type SoakGateway, startSoakGateway } from "../support/soak-gateway.ts";
import { mostWithin } from "../support/window-judge.ts";
import { SoakCallers } from "./soak-callers.ts";

const MINUTES = Number(process.env.SOAK_MINUTES ?? 20);
const SEED = Number(process.env.SOAK_SEED ?? Math.floor(Math.random() * 2 ** 32));
const RATE = Number(process.env.SOAK_RATE ?? 8);
const PER_MINUTE = 30;
const SERVERS = 2;
const MIB = 2 ** 20;
process.stdout.write(`SOAK_SEED=${SEED} SOAK_MINUTES=${MINUTES}\n`);
const random = seededRandom(SEED);
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;

const [audio, state] = [await startRedis(), await startRedis()];
const [audioProxy, stateProxy] = [
  await startFaultProxy({ targetPort: audio.port }),
  await startFaultProxy({ targetPort: state.port }),
];
const config = {
  redisUrl: `redis://127.0.0.1:${audioProxy.port}`,
  redisStateUrl: `redis://127.0.0.1:${stateProxy.port}`,
  servers: SERVERS,
  rateLimitPerMinute: PER_MINUTE,
  rateLimitPerHour: 0,
  engineTimeoutMs: 2_000,
  transcodeWorkers: 1,
};
const gateways: SoakGateway[] = [await startSoakGateway(config), await startSoakGateway(config)];
const callers = new SoakCallers({ ports: gateways.map(({ port }) => port), random: seededRandom(SEED + 1) });
/** Resident memory of each gateway's longest life: a restarted one warms up anew. */
const memory = gateways.map(() => [] as number[]);
const idle = await Promise.all(gateways.map((gateway) => gateway.state()));

const startedAt = performance.now();
const until = startedAt + MINUTES * 60_000;
const load = (async () => {
  while (performance.now() < until) {
    await sleep((-Math.log(1 - random()) * 1000) / RATE);
    callers.call();
  }
})();
const sampling = setInterval(async () => {
  for (const [n, gateway] of gateways.entries()) {
    const now = await gateway.state();
    if (now !== undefined) memory[n]!.push(now.rssBytes);
  }
}, 3_000);

/** Each breaks something, and gives back what mends it. */
const faults: Record<string, () => Promise<() => Promise<void> | void>> = {
  "redis killed": async () => {
    const one = pick([audio, state]);
    await one.kill();
    return () => one.restart();
  },
  "redis frozen": async () => {
    const one = pick([audio, state]);
    one.freeze();
    return () => one.thaw();
  },
  "redis slow": async () => {
    const proxy = pick([audioProxy, stateProxy]);
    proxy.set({ delayMs: pick([20, 100, 400]) });
    return () => proxy.heal();
  },
  "redis resets": async () => {
    const proxy = pick([audioProxy, stateProxy]);
    proxy.set({ resetAfterBytes: Math.floor(random() * 5_000) });
    return () => proxy.heal();
  },
  "gateway frozen": async () => {
    const one = pick(gateways);
    one.freeze();
    return () => one.thaw();
  },
  "gateway killed": async () => {
    const one = pick(gateways);
    await one.kill();
    return async () => {
      await one.restart();
      memory[gateways.indexOf(one)] = [];
    };
  },
  "engine fails": () => misbehave({ failAfterBytes: pick([0, 4_800, 20_000]) }),
  "engine hangs": () => misbehave({ hang: true }),
  "engine slow": () => misbehave({ firstByteMs: 500, chunkMs: 50 }),
  "engine silent": () => misbehave({ silence: true }),
};
const done = new Map<string, number>();
async function misbehave(script: Parameters<SoakGateway["script"]>[1]) {
  const engine = Math.floor(random() * 2);
  for (const gateway of gateways) gateway.script(engine, script);
  return () => {
    for (const gateway of gateways) gateway.script(engine, {});
  };
}
while (performance.now() < until - 5_000) {
  const name = pick(Object.keys(faults));
  const mend = await faults[name]!();
  done.set(name, (done.get(name) ?? 0) + 1);
  await sleep(500 + random() * 3_500);
  await mend();
  await sleep(random() * 4_000);
}
await load;
clearInterval(sampling);
await callers.settled();

const ready = await Promise.all(gateways.map(({ port }) => isReady(port)));
await sleep(3_000); // what callers left behind ends
const after = await Promise.all(gateways.map((gateway) => gateway.state()));
const unbounded = (await Promise.all([audio, state].map(({ url }) => withoutTtl(url)))).flat();
const verdicts = memory.map(judgeMemory);
const { counts, admissions } = callers;
const most = Math.max(0, ...[...admissions.values()].map((list) => mostWithin(list, 60_000)));
// Killed Redis forgets what it admitted, and a killed gateway what it had not told: each may let a user begin anew.
const forgotten = (done.get("redis killed") ?? 0) + (done.get("gateway killed") ?? 0);
const slack = PER_MINUTE * (1 + forgotten);
const wrong = callers.verify();
const leaks = after.map((now, n) => (now?.resources ?? Number.NaN) - (idle[n]?.resources ?? 0));
const checks: [string, string, boolean][] = [
  ["answers", String(counts.delivered), counts.delivered > 0],
  ["whole answers that are not the right audio", wrong.join("; ") || "0", wrong.length === 0],
  ["asked = delivered + refused + failed + left + cut", JSON.stringify(counts), callers.addsUp()],
  [`most admissions of a user in 60 s, at most ${slack}`, String(most), most <= slack],
  ["syntheses still running", after.map((now) => now?.active).join(", "), after.every((now) => now?.active === 0)],
  ["sockets and threads more than at the start, at most 12", leaks.join(", "), leaks.every((more) => more <= 12)],
  ["keys in Redis that never end and are not bounded", unbounded.join(" ") || "0", unbounded.length === 0],
  [
    "resident memory, MiB, middle → last third",
    verdicts.map((one) => `${Math.round(one.middleBytes / MIB)} → ${Math.round(one.lastBytes / MIB)}`).join(", "),
    verdicts.every(({ flat }) => flat),
  ],
  ["ready again within a minute", ready.join(", "), ready.every((status) => status === "ready")],
];
process.stdout.write(`faults: ${[...done].map(([name, count]) => `${name} ${count}`).join(", ")}\n`);
process.stdout.write(`failures by code: ${JSON.stringify(Object.fromEntries(callers.codes))}\n\n`);
process.stdout.write(
  table(
    ["", "seen", ""],
    checks.map(([name, seen, ok]) => [name, seen, ok ? "ok" : "FAILED"]),
  ),
);
for (const gateway of gateways) await gateway.kill();
await Promise.all([audioProxy.close(), stateProxy.close(), audio.stop(), state.stop()]);
process.exit(checks.some(([, , ok]) => !ok) ? 1 : 0);

async function isReady(port: number): Promise<string> {
  let status = "nothing answered";
  for (const giveUpAt = performance.now() + 60_000; performance.now() < giveUpAt && status !== "ready"; ) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (answer) ({ status } = (await answer.json()) as { status: string });
    if (status === "ready") break;
    callers.call(); // a breaker closes by a call that goes well
    await sleep(1_000);
  }
  await callers.settled();
  return status;
}

/** Counters, registers and the capped log of purges live on; whatever grows with use must end by itself. */
async function withoutTtl(url: string): Promise<string[]> {
  const redis = new Redis(url);
  try {
    const keys = await redis.keys("*");
    const found: string[] = [];
    for (const key of keys)
      if ((await redis.pttl(key)) === -1 && !/^tts:(stats|purges|jobs)$/.test(key)) found.push(key);
    return found;
  } finally {
    redis.disconnect();
  }
}
