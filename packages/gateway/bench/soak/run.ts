/**
 * `npm run soak`: random load on two gateways that share two Redis, while Redis, engines and gateways are killed, frozen,
 * slowed, filled and stopped at random from a seed that is printed. At the end everything that must hold is checked; ends with 1 if
 * something does not.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../../src/cli/load/random.ts";
import { becomes, WaitedInVain, waits, within } from "./deadline.ts";
import { describeFault, planFaults } from "./fault-plan.ts";
import { type Holdings, holdings } from "./leftovers.ts";
import { now } from "./now.ts";
import { bar, Progress } from "./progress.ts";
import { setStage } from "./stage.ts";
import { printed, verdicts } from "./verdicts.ts";

const MINUTES = Number(process.env.SOAK_MINUTES ?? 20);
const SEED = Number(process.env.SOAK_SEED ?? Math.floor(Math.random() * 2 ** 32));
const RATE = Number(process.env.SOAK_RATE ?? 8);
const GATEWAYS = 2;
const PER_MINUTE = 30;
const ENGINES = 2;
const MAX_RUNNING = 500;
const SETTLE_MS = 60_000;
/** For what ends a little after its answer. */
const SETTLED_AFTER_MS = 1_000;
const SAMPLE_EVERY_MS = 3_000;
/** After the load, its end included. */
const MAX_AFTER_MS = 240_000;

process.stdout.write(`SOAK_SEED=${SEED} SOAK_MINUTES=${MINUTES} SOAK_RATE=${RATE}\n`);
const lengthMs = MINUTES * 60_000;
const plan = planFaults({ random: seededRandom(SEED), lengthMs, engines: ENGINES, gateways: GATEWAYS });
const watchdog = setTimeout(() => {
  process.stderr.write(`the soak does not come to its end; it waits for: ${waits().join("; ") || "nothing"}\n`);
  process.exit(1);
}, lengthMs + MAX_AFTER_MS);

const stage = await setStage({ seed: SEED, gateways: GATEWAYS, perMinute: PER_MINUTE });
const { callers, gateways } = stage;
let phase = "warming up";
let startedAt = now();
const progress = new Progress(() => {
  const { asked, delivered, refused, failed, cut, left } = callers.counts;
  const counts = `${asked} asked: ${delivered} delivered, ${refused} refused, ${failed} failed, ${cut} cut, ${left} left`;
  return `${bar(now() - startedAt, lengthMs)} ${counts}, ${callers.running} running; ${phase}`;
});
const before = await warm();

startedAt = now();
const memory: number[] = [];
const sampling = setInterval(async () => {
  const state = await gateways[0]!.state();
  if (state !== undefined) memory.push(state.rssBytes);
}, SAMPLE_EVERY_MS);
const arrivals = seededRandom(SEED + 2);
const load = (async () => {
  while (now() - startedAt < lengthMs) {
    await sleep((-Math.log(1 - arrivals()) * 1000) / RATE);
    if (callers.running < MAX_RUNNING) callers.call();
  }
})();
for (const fault of plan) {
  phase = "all is well";
  await sleep(Math.max(0, startedAt + fault.startMs - now()));
  phase = describeFault(fault);
  const mend = await stage.breakIt(fault);
  await sleep(fault.holdMs);
  await mend();
}
phase = "all is well";
await load;
clearInterval(sampling);
phase = "the last answers";
await within(SETTLE_MS, `${callers.running} answers`, callers.settled());
phase = "looking at what is left";
const rules = { limit: PER_MINUTE, lengthMs: 60_000, servers: GATEWAYS };
const all = await verdicts(stage, { rules, before, memory });
progress.stop();
const kinds = Map.groupBy(plan, ({ kind }) => kind);
process.stdout.write(`faults: ${[...kinds].map(([kind, { length }]) => `${kind} ${length}`).join(", ")}\n`);
const codes = Map.groupBy(callers.asked, ({ code }) => code);
codes.delete("");
process.stdout.write(`errors: ${[...codes].map(([code, { length }]) => `${code} ${length}`).join(", ")}\n\n`);
process.stdout.write(printed(all));
await stage.close();
clearTimeout(watchdog);
process.exit(all.every(({ against }) => against.length === 0) ? 0 : 1);

/** What the gateways hold once they have done everything once. On a busy machine a first try may find Redis late, and follow nobody. */
async function warm(): Promise<(Holdings | undefined)[]> {
  let held: (Holdings | undefined)[] = [];
  const done = await becomes(SETTLE_MS, "the first answers", async () => {
    await callers.warmUp();
    await sleep(SETTLED_AFTER_MS);
    held = await Promise.all(gateways.map((gateway) => holdings(gateway, stage.peers)));
    return process.platform !== "linux" || held.every((one) => one?.[`connections ${stage.followed}`] === 2);
  });
  if (!done) throw new WaitedInVain("the gateways do not follow each other");
  return held;
}
