/**
 * Many clients on two servers ask for the same new utterance at once. The engine is scripted: 20 seconds of audio, the
 * first after 200 ms, then faster than real time. Counted: syntheses over both servers, and how far the clients' first
 * bytes are apart, on the leader's server and on the one that follows it through Redis.
 */
import { Redis } from "ioredis";
import { call, startGatewayProcess } from "../test/support/gateway-process.ts";
import { startRedis } from "../test/support/redis-process.ts";
import { toneAudio } from "../test/support/stand-in-engine.ts";
import { fixed, median, table } from "./support/report.ts";

const CLIENTS = Number(process.env.BENCH_CLIENTS ?? 500);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const AUDIO_SECONDS = 20;
const ENGINE = { firstByteMs: 200, chunkMs: 20, chunkDurationMs: 200 };
const TEXT = "Once more unto the breach, dear friends, once more, whoever you are";

const redis = await startRedis();
const raw = new Redis(redis.url);
const servers = await Promise.all([0, 1].map(() => startGatewayProcess({ redisUrl: redis.url }, engineFor(TEXT))));
const rows: string[][] = [];
try {
  await Promise.all(servers.map(({ port }) => call(port, { input: "Warm up." }).audio));
  for (let round = 0; round < ROUNDS; round++) {
    process.stderr.write(`round ${round + 1} of ${ROUNDS}\n`);
    for (const format of ["pcm", "mp3"]) rows.push(await stampede(`${TEXT} ${format} ${round}`, format));
  }
} finally {
  raw.disconnect();
  await Promise.all(servers.map((server) => server.stop()));
  await redis.stop();
}
process.stdout.write(`\n${CLIENTS} clients on two servers, one new text of about ${AUDIO_SECONDS} s at once\n\n`);
const head = [
  "format",
  "syntheses",
  "right",
  "leader's first byte ms",
  "leader's own: median, last",
  "other: first, median, last",
];
process.stdout.write(table([...head, "other's median behind leader's, ms"], rows));

function engineFor(text: string) {
  return { ...ENGINE, durationMsPerChar: (AUDIO_SECONDS * 1000) / text.length };
}

async function stampede(input: string, format: string): Promise<string[]> {
  const before = await syntheses();
  const from = performance.now();
  const callers = Array.from({ length: CLIENTS }, (_, n) => ({
    at: n % 2,
    caller: call(servers[n % 2]!.port, { input, response_format: format }),
  }));
  const answers = await Promise.allSettled(callers.map(({ caller }) => caller.audio));
  const spoken = await syntheses();
  const request = {
    text: input,
    voice: "one",
    speed: 1,
    pitch: 1,
    volume: 1,
    wanted: { name: "pcm", sampleRateHz: 24_000 },
  } as const;
  const first = answers[0]!.status === "fulfilled" ? answers[0]!.value : Buffer.alloc(0);
  const expected = format === "pcm" ? Buffer.from(toneAudio(request, engineFor(TEXT))) : first;
  const right = answers.filter((answer) => answer.status === "fulfilled" && sameAudio(answer.value, expected)).length;
  const leader = spoken[0]! > before[0]! ? 0 : 1;
  const times = (at: number) =>
    callers
      .flatMap((one) => (one.at === at ? [(one.caller.firstByteAt ?? Number.NaN) - from] : []))
      .sort((a, b) => a - b);
  const [led, followed] = [times(leader), times(1 - leader)];
  return [
    format,
    String(sum(spoken) - sum(before)),
    `${right}/${CLIENTS}`,
    fixed(led[0]!),
    `${fixed(median(led))}, ${fixed(led.at(-1)!)}`,
    `${fixed(followed[0]!)}, ${fixed(median(followed))}, ${fixed(followed.at(-1)!)}`,
    fixed(median(followed) - median(led)),
  ];
}

function sameAudio(a: Buffer, b: Buffer): boolean {
  return a.length > 0 && a.equals(b);
}
function syntheses(): Promise<number[]> {
  return Promise.all(servers.map((server) => server.syntheses()));
}
function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
