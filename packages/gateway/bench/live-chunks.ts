/**
 * What it costs to hear a synthesis of another server: from a leader's `publish` to the piece at a follower, through
 * Redis, while several flights run at once. Leader and followers have connections of their own and share this process.
 */
import { createHash, randomUUID } from "node:crypto";
import type { CacheKey } from "../src/core/cache-key.ts";
import { systemClock } from "../src/core/clock.ts";
import type { FlightBoard } from "../src/core/flight-board.ts";
import { GuardedRedis } from "../src/redis/guarded-redis.ts";
import { RedisFlightBoard } from "../src/redis/redis-flight-board.ts";
import { startRedis } from "../test/support/redis-process.ts";
import { fixed, table } from "./support/report.ts";

const CHUNKS = 50;
const CHUNK_MS = 20;
const { signal } = new AbortController();
const format = { name: "pcm", sampleRateHz: 24_000 } as const;

const server = await startRedis();
const open = async (maxConnections: number): Promise<{ board: FlightBoard; redis: GuardedRedis }> => {
  const redis = new GuardedRedis({ url: server.url, clock: systemClock, maxConnections });
  await redis.whenUp({ signal });
  return { board: new RedisFlightBoard({ redis, clock: systemClock }), redis };
};
const rows: string[][] = [];
const leader = await open(5);
for (const [reading, connections] of [
  ["blocking", 5],
  ["polling (as on a cluster)", 1],
] as const) {
  const follower = await open(connections);
  for (const bytes of [2_000, 9_600]) {
    for (const flights of [1, 20]) {
      const seats: number[] = [];
      const delays: number[] = [];
      await Promise.all(
        Array.from({ length: flights }, () => fly(leader.board, follower.board, bytes, { seats, delays })),
      );
      rows.push([reading, String(flights), String(bytes), quantiles(seats), quantiles(delays)]);
    }
  }
  await follower.board.close();
  await follower.redis.close();
}
await leader.board.close();
await leader.redis.close();
await server.stop();
process.stdout.write(`\n${CHUNKS} chunks a flight, one every ${CHUNK_MS} ms; ms: median, p99, worst\n\n`);
process.stdout.write(table(["followers read", "flights", "bytes a chunk", "to get a seat", "chunk to follower"], rows));

async function fly(
  one: FlightBoard,
  two: FlightBoard,
  bytes: number,
  { seats, delays }: { seats: number[]; delays: number[] },
): Promise<void> {
  const key = createHash("sha256").update(randomUUID()).digest("hex") as CacheKey;
  const board = async (at: FlightBoard) => {
    const from = performance.now();
    const seat = await at.board(key, { format, joinEnded: true, signal });
    seats.push(performance.now() - from);
    return seat;
  };
  const led = await board(one);
  const followed = await board(two);
  if (led.role !== "leader" || followed.role !== "follower") throw new Error(`${led.role}, ${followed.role}`);
  const sentAt: number[] = [];
  const heard = (async () => {
    let received = 0;
    for await (const news of followed.flight.follow({ signal })) {
      if ("how" in news) return;
      const from = Math.floor(received / bytes);
      received += news.audio?.byteLength ?? 0;
      for (let n = from; n < Math.floor(received / bytes); n++) delays.push(performance.now() - sentAt[n]!);
    }
  })();
  for (let n = 0; n < CHUNKS; n++) {
    await systemClock.sleep(CHUNK_MS, signal);
    sentAt.push(performance.now());
    led.lead.publish({ audio: new Uint8Array(bytes) });
  }
  await led.lead.end({ how: "done" });
  await heard;
}

function quantiles(values: number[]): string {
  values.sort((a, b) => a - b);
  return [0.5, 0.99, 1].map((share) => fixed(values[Math.floor((values.length - 1) * share)]!, 2)).join(", ");
}
