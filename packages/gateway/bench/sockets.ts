/**
 * Many sockets: what an idle one takes, 5,000 users who each say a cached phrase every ten seconds, and 18,000 with 5,000
 * asks a second. Beside bare `ws` that echoes as many bytes. One core each for the server and for the load.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { type Child, startChild } from "./support/child.ts";
import { fixed, table } from "./support/report.ts";
import { askInTurn, openUsers } from "./support/socket-users.ts";

const SECONDS = Number(process.env.BENCH_SECONDS ?? 15);
const speak = (n: number) =>
  JSON.stringify({ type: "speak", id: `${n}`, text: `Phrase ${n % 50} was said before.`, voice: "one", format: "mp3" });
const limits = { socketMaxPerAddress: 0, socketMax: 19_000 };
const rows: string[][] = [];
for (const [sockets, perSecond] of [
  [5_000, 500],
  [18_000, 5_000],
] as const) {
  for (const name of ["bare ws", "mynah"]) {
    const child = await start(name);
    rows.push([name, String(sockets), String(perSecond), ...(await measure(child, sockets, perSecond))]);
    await child.stop();
  }
}
process.stdout.write(`\nSockets, ${SECONDS} s of asking; the audio is 4 KB of MP3\n\n`);
process.stdout.write(
  table(
    [
      "server",
      "sockets",
      "asks/s",
      "KB each, idle",
      "answered/s",
      "p50 ms",
      "p99 ms",
      "CPU µs/ask",
      "unanswered",
      "lost",
    ],
    rows,
  ),
);

function start(name: string): Promise<Child> {
  if (name === "bare ws")
    return startChild(new URL("support/bare-socket-server.ts", import.meta.url), { BENCH_BYTES: "4000" });
  return startChild(new URL("support/bench-gateway.ts", import.meta.url), {
    BENCH_ENGINE: "{}",
    BENCH_CONFIG: JSON.stringify(limits),
  });
}

async function measure(child: Child, sockets: number, perSecond: number): Promise<string[]> {
  const few = await openUsers(child.port, 50);
  await askInTurn(few, speak, { perSecond: 500, seconds: 4 });
  const before = await child.usage();
  const users = await openUsers(child.port, sockets);
  await sleep(2_000);
  const idle = await child.usage();
  const asked = await askInTurn(users, (n) => speak(n + 100_000), { perSecond, seconds: SECONDS });
  const after = await child.usage();
  const answers = asked.perSecond * SECONDS;
  const lost = users.filter((user) => user.lost).length;
  for (const user of [...users, ...few]) user.close();
  return [
    fixed((idle.rssBytes - before.rssBytes) / 1024 / sockets, 1),
    fixed(asked.perSecond, 0),
    fixed(asked.p50Ms, 2),
    fixed(asked.p99Ms, 2),
    fixed(((after.cpuMs - idle.cpuMs) * 1000) / answers, 0),
    String(asked.unanswered),
    String(lost),
  ];
}
