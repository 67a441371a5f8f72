/** First audio of a cached sentence over open sockets at 100 messages a second, and how soon a cancel is answered. */
import { startChild } from "./support/child.ts";
import { fixed, median, table } from "./support/report.ts";
import { askInTurn, openUsers } from "./support/socket-users.ts";

const PER_SECOND = 100;
const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);
const speak = (n: number, text = "A sentence that was said before.") =>
  JSON.stringify({ type: "speak", id: `${n}`, text, voice: "one", format: "mp3", words: true });

const config = JSON.stringify({ socketMaxPerAddress: 0 });
const gateway = await startChild(new URL("support/bench-gateway.ts", import.meta.url), {
  BENCH_ENGINE: "{}",
  BENCH_CONFIG: config,
});
const bare = await startChild(new URL("support/bare-socket-server.ts", import.meta.url), { BENCH_BYTES: "4000" });
const rows: string[][] = [];
for (const [name, { port }] of [
  ["bare ws, echo of as many bytes", bare],
  ["mynah, cached sentence", gateway],
] as const) {
  const users = await openUsers(port, 20);
  await askInTurn(users, speak, { perSecond: 500, seconds: 4 }); // compilers find what is hot
  const { p50Ms, p99Ms, unanswered } = await askInTurn(users, (n) => speak(n + 100_000), {
    perSecond: PER_SECOND,
    seconds: SECONDS,
  });
  rows.push([name, fixed(p50Ms, 2), fixed(p99Ms, 2), String(unanswered)]);
  for (const user of users) user.close();
}
process.stdout.write(`\nFirst audio at ${PER_SECOND} messages a second over 20 sockets, ${SECONDS} s\n\n`);
process.stdout.write(table(["server", "p50 ms", "p99 ms", "unanswered"], rows));
await Promise.all([gateway.stop(), bare.stop()]);
process.stdout.write(`\n${await cancels()}\n`);

/** While an engine speaks and its audio comes: the last frame or message of an utterance, counted from its cancel. */
async function cancels(): Promise<string> {
  const slow = await startChild(new URL("support/bench-gateway.ts", import.meta.url), {
    BENCH_ENGINE: JSON.stringify({ chunkMs: 5, durationMsPerChar: 200 }),
    BENCH_CONFIG: config,
  });
  const [user] = await openUsers(slow.port, 1);
  const times: number[] = [];
  for (let n = 0; n < 100; n++) {
    await user!.ask(
      JSON.stringify({
        type: "speak",
        id: "a",
        text: `Number ${n} is a long one, ${"so long ".repeat(40)}`,
        voice: "one",
        format: "pcm",
      }),
    );
    const at = performance.now();
    const answered = new Promise<number>((resolve) => {
      user!.onFrame = (opcode) => opcode === 1 && resolve(performance.now() - at);
    });
    user!.say(JSON.stringify({ type: "cancel", id: "a" }));
    times.push(await answered);
    user!.onFrame = undefined;
  }
  await slow.stop();
  return `Cancel to its answer, after which no frame comes: p50 ${fixed(median(times), 2)} ms, worst of 100 ${fixed(Math.max(...times), 2)} ms`;
}
