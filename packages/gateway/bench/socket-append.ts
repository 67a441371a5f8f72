/** Text appended a word at a time, as an LLM writes it: first audio after the first sentence's end has arrived. */
import { setTimeout as sleep } from "node:timers/promises";
import { startChild } from "./support/child.ts";
import { fixed, median, table } from "./support/report.ts";
import { openUsers, type SocketUser } from "./support/socket-users.ts";

const WORD_MS = 30;
const ENGINE_MS = 100;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 30);
const FIRST = ["Let", " me", " look", " that", " up", " for", " you."];
const REST = [" It", " will", " take", " a", " moment."];

const config = JSON.stringify({ socketMaxPerAddress: 0 });
const gateway = new URL("support/bench-gateway.ts", import.meta.url);
const rows: string[][] = [];
for (const [name, engineMs, own] of [
  ["cached", 0, false],
  [`engine of ${ENGINE_MS} ms`, ENGINE_MS, true],
] as const) {
  const child = await startChild(gateway, {
    BENCH_ENGINE: JSON.stringify({ firstByteMs: engineMs }),
    BENCH_CONFIG: config,
  });
  const [user] = await openUsers(child.port, 1);
  await say(user!, "warm", own);
  const times: number[] = [];
  for (let n = 0; n < ROUNDS; n++) times.push((await say(user!, `${n}`, own)) - engineMs);
  times.sort((a, b) => a - b);
  rows.push([name, fixed(median(times), 1), fixed(times[Math.floor(ROUNDS * 0.95)]!, 1), fixed(times.at(-1)!, 1)]);
  await child.stop();
}
process.stdout.write(
  `\nA word each ${WORD_MS} ms; ms from the first sentence's end to its first audio, less the engine's own\n\n`,
);
process.stdout.write(table(["first sentence", "p50 ms", "p95 ms", "worst ms"], rows));

/** `own`: a sentence that was never said. Resolves with the ms from its last word to the first frame. */
async function say(user: SocketUser, id: string, own: boolean): Promise<number> {
  let endAt = 0;
  let first: number | undefined;
  user.onFrame = (opcode) => {
    if (opcode === 2) first ??= performance.now();
  };
  const words = own ? [`Round ${id}:`, ...FIRST.map((word) => word.toLowerCase()), ...REST] : [...FIRST, ...REST];
  const endsWith = words.findIndex((word) => word.endsWith("you."));
  for (const [at, text] of words.entries()) {
    const message = { type: "append", id, text, ...(at === 0 && { voice: "one", format: "mp3" }) };
    user.say(JSON.stringify(message));
    if (at === endsWith) endAt = performance.now();
    await sleep(WORD_MS);
  }
  user.say(JSON.stringify({ type: "end", id }));
  while (first === undefined) await sleep(5);
  await sleep(300);
  return first - endAt;
}
