/**
 * The first of two engines fails in each way that its stand-in knows; callers ask one after the other, each a new text.
 * Counted: requests that failed, answers that ended as if they were whole and were not, broken audio that was stored;
 * measured: what the first callers wait longer than with a well engine, what those wait after the breaker has opened,
 * and how long a healed engine is not used. Both engines are servers over HTTP.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Codecs } from "../src/audio/codecs.ts";
import { openAiStandIn } from "../test/support/openai-stand-in.ts";
import { FORMATS } from "../test/support/speech-rig.ts";
import type { Fault } from "../test/support/stand-ins/fault.ts";
import { spokenTones } from "../test/support/stand-ins/spoken-tones.ts";
import { type BenchAnswer, engineGateway, progress } from "./support/engines-gateway.ts";
import { fixed, median, table } from "./support/report.ts";

const REQUESTS = Number(process.env.BENCH_REQUESTS ?? 1_000);
const DEADLINE_MS = 1_000;
const HEALED_WITHIN_MS = 10_000;
/** Callers that come while a fault is new: more than a breaker needs. */
const FIRST_FEW = 4;
const AT_ONCE = 4;

const FAULTS: readonly { readonly fault: Fault; readonly late?: true }[] = [
  { fault: { kind: "refuse" } },
  { fault: { kind: "status", status: 500 } },
  { fault: { kind: "status", status: 401 } },
  { fault: { kind: "status", status: 429, retryAfterS: 2 } },
  { fault: { kind: "hang" } },
  { fault: { kind: "hang-after", bytes: 0 } },
  { fault: { kind: "cut-after", bytes: 0 } },
  { fault: { kind: "silence" } },
  { fault: { kind: "noise" } },
  { fault: { kind: "wrong-format" } },
  { fault: { kind: "hang-after", bytes: 24_000 }, late: true },
  { fault: { kind: "cut-after", bytes: 24_000 }, late: true },
  { fault: { kind: "half", bytes: 60_000 }, late: true },
  { fault: { kind: "endless" }, late: true },
];

const labelOf = ({ kind, ...how }: Fault): string => [kind, ...Object.values(how)].join(" ");
/** Of these something is heard, so their texts are long enough for it. */
const LATE = new Set(FAULTS.flatMap(({ fault, late }) => (late ? [labelOf(fault)] : [])));

const codecs = new Codecs();
const rows: string[][] = [];
for (const { fault, late } of FAULTS) rows.push(await measure(fault, late ?? false));
process.stdout.write(
  `\n${REQUESTS} requests for each fault, new texts; deadline of the first engine ${DEADLINE_MS} ms\n\n`,
);
const head = ["fault", "failed", "cut", "clean, not whole", "stored, not whole", "first calls +ms, worst"];
process.stdout.write(table([...head, "after opening +ms, p50, p99", "calls of it", "back after s"], rows));
process.exit(
  rows.some(
    ([, failed, cut, unclean, stored]) => failed !== "0" || unclean !== "0" || stored !== "0" || Number(cut) > 20,
  )
    ? 1
    : 0,
);

async function measure(fault: Fault, late: boolean): Promise<string[]> {
  const [first, second] = [await openAiStandIn(), await openAiStandIn()];
  if (late && fault.kind !== "endless") first.faults.chunkMs = 5;
  const gateway = await engineGateway([
    { name: "first", type: "openai-compatible", baseUrl: first.baseUrl, timeoutMs: DEADLINE_MS },
    { name: "second", type: "openai-compatible", baseUrl: second.baseUrl },
  ]);
  const label = labelOf(fault);
  try {
    const well: number[] = [];
    for (let n = 0; n < 20; n++) well.push((await gateway.ask(textOf(label, -n - 1))).firstByteMs);
    const callsBefore = gateway.speech.engineStates.of("first").stats.calls;
    await first.fault(fault);
    const answers = await asked(gateway.ask, label);
    const calls = gateway.speech.engineStates.of("first").stats.calls - callsBefore;
    await first.fault(undefined);
    const backS = await backAfterS(gateway.ask, label);
    return [label, ...(await judged(answers, label, median(well), gateway.ask)), String(calls), fixed(backS)];
  } finally {
    await gateway.close();
    await Promise.all([first.close(), second.close()]);
  }
}

function textOf(label: string, n: number): string {
  return LATE.has(label) ? `${wordsOf(label)}, this is sentence number ${n}, and all of it is spoken.` : `Number ${n}.`;
}

function wordsOf(label: string): string {
  return `While ${label.replaceAll(/[^a-z]+/g, " ").trim()}`;
}

/** The first few come one by one, the others several at once. */
async function asked(ask: Ask, label: string): Promise<BenchAnswer[]> {
  const answers: BenchAnswer[] = [];
  let next = 0;
  const caller = async (until: number): Promise<void> => {
    while (next < until) {
      const n = next++;
      answers[n] = await ask(textOf(label, n));
      if (n % 50 === 49) progress(label, n + 1, REQUESTS);
    }
  };
  await caller(FIRST_FEW);
  await Promise.all(Array.from({ length: AT_ONCE }, () => caller(REQUESTS)));
  return answers;
}

type Ask = (input: string) => Promise<BenchAnswer>;

async function judged(answers: readonly BenchAnswer[], label: string, wellMs: number, ask: Ask): Promise<string[]> {
  let unclean = 0;
  let stored = 0;
  for (const [n, { bytes, cut, status }] of answers.entries()) {
    const whole = await spokenTones({ text: textOf(label, n), voice: "alloy", format: FORMATS.pcm }, codecs);
    const right = bytes.equals(whole);
    if (!cut && status === 200 && !right) unclean++;
    if (right) continue;
    const again = await ask(textOf(label, n)); // from the store, if it was kept
    if (!again.cut && !again.bytes.equals(whole)) stored++;
  }
  const added = answers.map(({ firstByteMs }) => firstByteMs - wellMs);
  const rest = added
    .slice(FIRST_FEW)
    .filter((ms) => !Number.isNaN(ms))
    .sort((a, b) => a - b);
  const at = (share: number) => fixed(Math.max(0, rest[Math.floor(rest.length * share)] ?? 0));
  return [
    String(answers.filter(({ status }) => status !== 200).length),
    String(answers.filter(({ cut }) => cut).length),
    String(unclean),
    String(stored),
    fixed(Math.max(0, ...added.slice(0, FIRST_FEW).filter((ms) => !Number.isNaN(ms)))),
    `${at(0.5)}, ${at(0.99)}`,
  ];
}

/** While there is traffic, until the first engine is heard again. */
async function backAfterS(ask: Ask, label: string): Promise<number> {
  const healedAt = performance.now();
  for (let n = 0; performance.now() - healedAt < HEALED_WITHIN_MS * 6; n++) {
    if ((await ask(`${wordsOf(label)} was healed, sentence ${n}.`)).engine === "first") break;
    await sleep(100);
  }
  return (performance.now() - healedAt) / 1000;
}
