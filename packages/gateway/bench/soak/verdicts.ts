import { judgeMemory } from "../support/flat-memory.ts";
import { wrongBooks } from "./books.ts";
import { becomes } from "./deadline.ts";
import { unexplainedFailures } from "./judge-answers.ts";
import { judgeLimits, type LimitRules, wronglyRefused } from "./judge-limits.ts";
import { type Holdings, holdings, judgeKeys, leftOver } from "./leftovers.ts";
import { isReady } from "./ready.ts";
import type { Stage } from "./stage.ts";

/** What must hold, what was seen, and everything that speaks against it. */
export type Verdict = { readonly what: string; readonly seen: string; readonly against: readonly string[] };
export type Observed = {
  readonly rules: LimitRules;
  /** Of each gateway when it was warm. */
  readonly before: readonly (Holdings | undefined)[];
  /** Resident memory of the gateway that was never ended. */
  readonly memory: readonly number[];
};

const MIB = 2 ** 20;
const READY_MS = 60_000;
/** A flight that is over can be joined for 10 s; connections and threads are given back sooner. */
const LEFT_MS = 30_000;

/** Looks at everything that must hold, once the load is over. */
export async function verdicts(stage: Stage, { rules, before, memory }: Observed): Promise<Verdict[]> {
  const { callers, calls, crashes, gateways, timeline } = stage;
  const ready = await isReady(stage, READY_MS);
  const left = await Promise.all(gateways.map((gateway, n) => leftBy(stage, gateway, before[n])));
  const keys = await leftInRedis(stage);
  const { asked, counts } = callers;
  const limits = judgeLimits(asked, timeline, rules);
  const { flat, middleBytes, lastBytes } = judgeMemory(memory);
  const books = await Promise.all(gateways.map((gateway) => wrongBooks(gateway, asked)));
  const many = `${calls.count} calls for ${calls.segments} segments`;
  return [
    {
      what: "every whole answer is the right audio",
      seen: `${counts.delivered} answers`,
      against: counts.delivered === 0 ? ["there was none"] : callers.wrong,
    },
    {
      what: "asked = delivered + refused + failed + cut + left",
      seen: `${counts.asked} asked`,
      against: callers.addsUp() ? [] : [JSON.stringify(counts)],
    },
    {
      what: "answers fail only where an engine or their own gateway does",
      seen: `${counts.failed} failed, ${counts.cut} cut`,
      against: unexplainedFailures(asked, callers.ports, timeline),
    },
    {
      what: `no user has more than ${rules.limit} in a minute, but for what was forgotten`,
      seen: `${limits.most} at most`,
      against: limits.broken,
    },
    {
      what: "nobody is refused who has not used up a server's share",
      seen: `${counts.refused} refused`,
      against: wronglyRefused(asked, rules),
    },
    { what: "no segment is made again without a cause", seen: many, against: calls.unexplained(timeline) },
    {
      what: "statistics and metrics say what engines and callers counted",
      seen: `${gateways.length} gateways`,
      against: books.flatMap((wrong, n) => wrong.map((one) => `gateway ${n}: ${one}`)),
    },
    { what: "no gateway ends by itself; SIGTERM ends with 0", seen: `${lives(stage)} processes`, against: crashes },
    { what: "ready again", seen: ready.seen, against: ready.against },
    {
      what: "no socket, file, thread, process or synthesis is left over",
      seen: "as when it was warm",
      against: left.flatMap((kinds, n) => kinds.map((kind) => `gateway ${n}: ${kind}`)),
    },
    { what: "no key is left over, and each ends in time", seen: keys.seen, against: keys.against },
    {
      what: "memory is flat, middle to last third",
      seen: `${Math.round(middleBytes / MIB)} to ${Math.round(lastBytes / MIB)} MiB`,
      against: flat ? [] : ["it grows"],
    },
  ];

  async function leftInRedis({ redis: { audio, state } }: Stage) {
    let found = await Promise.all([audio, state].map(({ server }) => judgeKeys(server.url)));
    await becomes(LEFT_MS, "keys to be gone", async () => {
      found = await Promise.all([audio, state].map(({ server }) => judgeKeys(server.url)));
      return found.every(({ wrong }) => wrong.length === 0);
    });
    const kinds = Object.entries(Object.assign({}, ...found.map(({ counts: kind }) => kind)) as Record<string, number>);
    return {
      seen: kinds.map(([kind, count]) => `${count} ${kind}`).join(", "),
      against: found.flatMap(({ wrong }) => wrong),
    };
  }
}

const lives = ({ gateways }: Stage): number => gateways.reduce((sum, one) => sum + one.lives, 0);

async function leftBy(
  { peers }: Stage,
  gateway: Stage["gateways"][number],
  before: Holdings | undefined,
): Promise<string[]> {
  let left = ["it did not answer"];
  await becomes(LEFT_MS, "sockets and threads to be given back", async () => {
    const now = await holdings(gateway, peers);
    left = now === undefined || before === undefined ? ["it did not answer"] : leftOver(before, now);
    return left.length === 0;
  });
  return left;
}

const MAX_SHOWN = 8;

/** The verdicts as a table to be read, then what speaks against each. */
export function printed(all: readonly Verdict[]): string {
  const width = (cells: readonly string[]): number => Math.max(...cells.map(({ length }) => length));
  const [what, seen] = [width(all.map((one) => one.what)), width(all.map((one) => one.seen))];
  const rows = all.map(
    (one) => `${one.what.padEnd(what)}  ${one.seen.padEnd(seen)}  ${one.against.length === 0 ? "ok" : "FAILED"}`,
  );
  const against = all.flatMap((one) =>
    one.against.length === 0
      ? []
      : [
          `\n${one.what}: ${one.against.length} against it`,
          ...one.against.slice(0, MAX_SHOWN).map((line) => `  ${line}`),
          ...(one.against.length > MAX_SHOWN ? [`  and ${one.against.length - MAX_SHOWN} more`] : []),
        ],
  );
  return [...rows, ...against, ""].join("\n");
}
