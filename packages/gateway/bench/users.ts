/**
 * 5,000 users of one server on one core, beside the load and Redis on the other: half on sockets, half on HTTP, each hears the
 * next reply of the trace about once a minute, whether or not earlier answers came. Limits are those of the defaults,
 * counted in Redis; ten users more ask four times as often as they may. The engine takes 150 ms to its first
 * audio. PCM is passed through, as an engine's own MP3 would be; BENCH_FORMAT=opus has the server encode every miss.
 */
import { httpTarget } from "../src/cli/load/http-target.ts";
import { poissonArrivals, seededRandom } from "../src/cli/load/random.ts";
import { runLoad } from "../src/cli/load/run-load.ts";
import { socketTarget } from "../src/cli/load/socket-target.ts";
import type { Tally } from "../src/cli/load/tally.ts";
import type { Target } from "../src/cli/load/target.ts";
import { AUDIO_FORMAT_NAMES, type AudioFormatName } from "../src/core/audio-format.ts";
import { startRedis } from "../test/support/redis-process.ts";
import { startChild } from "./support/child.ts";
import { judgeMemory } from "./support/flat-memory.ts";
import { fixed, table } from "./support/report.ts";
import { readTrace } from "./support/trace.ts";
import { type Admission, mostWithin } from "./support/window-judge.ts";

const MINUTES = Number(process.env.BENCH_MINUTES ?? 10);
const USERS = Number(process.env.BENCH_USERS ?? 5_000);
const SEED = Number(process.env.BENCH_SEED ?? 1);
const FORMAT = parseFormat(process.env.BENCH_FORMAT ?? "pcm");
const SECONDS_BETWEEN_REPLIES = 60;
const GREEDY = { users: 10, perUserSecond: 2 };
const PER_MINUTE = 30;
const WINDOW_MS = 60_000;
const SAMPLE_MS = 2_000;
const TIMEOUT_MS = 30_000;
/** Names of one group do not meet those of another. */
const GROUP = 1_000_000;

const redis = await startRedis();
const gateway = await startChild(new URL("support/bench-gateway.ts", import.meta.url), {
  BENCH_ENGINE: JSON.stringify({ firstByteMs: 150 }),
  BENCH_CONFIG: JSON.stringify({
    redisUrl: redis.url,
    rateLimitPerMinute: PER_MINUTE,
    rateLimitPerHour: 500,
    socketMaxPerAddress: 0,
  }),
});
const settings = {
  url: new URL(`http://127.0.0.1:${gateway.port}`),
  voice: "one",
  model: "auto",
  format: FORMAT,
  nameUsers: true,
  timeoutMs: TIMEOUT_MS,
} as const;
const phrases = readTrace(Number.POSITIVE_INFINITY);
const admitted = new Map<number, Admission[]>();
const stop = new AbortController();
const memory: number[] = [];
const sampler = setInterval(() => void gateway.usage().then(({ rssBytes }) => memory.push(rssBytes)), SAMPLE_MS);
const rate = USERS / 2 / SECONDS_BETWEEN_REPLIES;
const runs = await Promise.all([
  group("HTTP", httpTarget(settings, 512), { number: 0, users: USERS / 2, rate }),
  group("sockets", socketTarget(settings), { number: 1, users: USERS / 2, rate }),
  group("greedy users, HTTP", httpTarget(settings, 64), {
    number: 2,
    users: GREEDY.users,
    rate: GREEDY.users * GREEDY.perUserSecond,
  }),
]);
clearInterval(sampler);
await new Promise((resolve) => setTimeout(resolve, 200)); // an answer to the sampler may be under way
const { cpuMs } = await gateway.usage();
await gateway.stop();
await redis.stop();

const verdict = judgeMemory(memory);
const MIB = 2 ** 20;
process.stdout.write(
  `\n${USERS} users for ${MINUTES} min, a reply each every ${SECONDS_BETWEEN_REPLIES} s; first audio in ms from when it was due\n\n`,
);
process.stdout.write(
  table(
    ["", "asked", "cache", "answers", "p50 ms", "p90 ms", "p99 ms", "refused", "failed", "late p99 ms"],
    runs.flatMap(({ name, tally }) => rowsOf(name, tally)),
  ),
);
const most = Math.max(0, ...[...admitted.values()].map((list) => mostWithin(list, WINDOW_MS)));
const wrongly = runs.slice(0, 2).reduce((sum, { tally }) => sum + tally.refused, 0);
const failed = runs.reduce((sum, { tally }) => sum + tally.failed, 0);
const greedy = runs[2]!.tally;
const checks: [string, boolean, string][] = [
  [`most admissions of a user within 60 s, at most ${PER_MINUTE}`, most <= PER_MINUTE, String(most)],
  ["moderate users refused", wrongly === 0, String(wrongly)],
  ["greedy users refused", MINUTES < 1 || greedy.refused > 0, String(greedy.refused)],
  ["requests failed", failed === 0, describeErrors()],
  [
    "resident memory, MiB, middle third → last third",
    verdict.flat,
    `${fixed(verdict.middleBytes / MIB, 0)} → ${fixed(verdict.lastBytes / MIB, 0)}`,
  ],
];
process.stdout.write(`\nprocessor time of the server: ${fixed(cpuMs / 1000)} s\n\n`);
process.stdout.write(
  table(
    ["", "seen", ""],
    checks.map(([name, ok, seen]) => [name, seen, ok ? "ok" : "FAILED"]),
  ),
);
if (checks.some(([, ok]) => !ok)) process.exitCode = 1;

type Group = { readonly number: number; readonly users: number; readonly rate: number };

async function group(name: string, target: Target, { number, users, rate }: Group) {
  const random = seededRandom(SEED + number);
  const from = Math.floor((phrases.length * number) / 3); // no group is the first to say what another says
  const { tally } = await runLoad({
    target: noting(target, number * GROUP),
    phrases: [...phrases.slice(from), ...phrases.slice(0, from)],
    order: "sequence",
    users,
    arrivals: poissonArrivals({ rate, seconds: MINUTES * 60, rampSeconds: Math.min(20, MINUTES * 10), random }),
    random,
    signal: stop.signal,
    drainMs: TIMEOUT_MS,
  });
  return { name, tally };
}

/** Gives a group names of its own and keeps when each user was let in. */
function noting(target: Target, firstUser: number): Target {
  return {
    send(request) {
      const user = firstUser + request.user;
      const fromMs = performance.now();
      target.send({
        ...request,
        user,
        done(answer) {
          if (answer.ok) admitted.set(user, [...(admitted.get(user) ?? []), { fromMs, toMs: answer.firstAudioAt }]);
          request.done(answer);
        },
      });
    },
    get waiting() {
      return target.waiting;
    },
    close: () => target.close(),
  };
}

function rowsOf(name: string, tally: Tally): (string | number)[][] {
  const late = fixed(tally.lateness.quantile(0.99));
  return (["hits", "misses"] as const).map((cache, row) => {
    const times = tally[cache];
    const at = (share: number) => fixed(times.quantile(share));
    const whole = row === 0 ? [tally.refused, tally.failed, late] : ["", "", ""];
    return [
      row === 0 ? name : "",
      row === 0 ? tally.sent : "",
      cache,
      times.count,
      at(0.5),
      at(0.9),
      at(0.99),
      ...whole,
    ];
  });
}

function describeErrors(): string {
  const codes = runs.flatMap(({ tally }) => [...tally.errors].map(([code, count]) => `${code} ${count}`));
  return codes.length === 0 ? "0" : codes.join(", ");
}

function parseFormat(name: string): AudioFormatName {
  const found = AUDIO_FORMAT_NAMES.find((known) => known === name);
  if (found === undefined) throw new Error(`BENCH_FORMAT is one of ${AUDIO_FORMAT_NAMES.join(", ")}`);
  return found;
}
