import { afterEach, describe, expect, it } from "vitest";
import { speechLike } from "../../test/support/audio-decode.ts";
import { manualClock } from "../../test/support/manual-clock.ts";
import { collect, only } from "../core/async.ts";
import { systemClock } from "../core/clock.ts";
import { TranscodeJob } from "./transcode-job.ts";
import { WorkerPool } from "./worker-pool.ts";

/** The real worker, but a job with one of these impossible rates kills it or makes it loop for ever. */
const CRASH_HZ = 1;
const HANG_HZ = 2;
const fragile = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from "node:worker_threads";
    parentPort.on("message", ({ type, from }) => {
      if (type === "start" && from.sampleRateHz === ${CRASH_HZ}) throw new Error("crash");
      while (type === "start" && from.sampleRateHz === ${HANG_HZ});
    });
    await import(${JSON.stringify(new URL("./transcode-worker.ts", import.meta.url).href)});
  `)}`,
);

let pool: WorkerPool;
afterEach(() => pool.close());

const { signal } = new AbortController();

function convert(sampleRateHz: number, audio: AsyncIterable<Uint8Array> = only(speechLike(200))): Promise<Uint8Array> {
  const to = { name: "flac", sampleRateHz: 24_000 } as const;
  return collect(
    new TranscodeJob({ pool, audio, conversion: { from: { name: "pcm", sampleRateHz }, to }, signal }).output(),
  );
}

async function* neverEnding(): AsyncGenerator<Uint8Array> {
  yield speechLike(50);
  await new Promise(() => {});
}

describe("WorkerPool", () => {
  it("fails the jobs of a worker that crashes, and starts another for the next", async () => {
    pool = new WorkerPool({ workers: 1, clock: systemClock, stallTimeoutMs: 60_000, workerUrl: fragile });
    const good = await convert(24_000);
    const outcomes = await Promise.allSettled([convert(24_000, neverEnding()), convert(CRASH_HZ)]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { code: "transcode_failed" } });
    expect(Buffer.compare(await convert(24_000), good)).toBe(0);
  });

  it("ends a worker that hangs, and starts another for the next", async () => {
    const clock = manualClock();
    pool = new WorkerPool({ workers: 1, clock, stallTimeoutMs: 10_000, workerUrl: fragile });
    const waits = convert(24_000, neverEnding()); // looked at from now on, and with nothing to do
    await convert(24_000);
    await clock.advance(9_000);
    const outcomes = Promise.allSettled([waits, convert(HANG_HZ)]);
    await new Promise(setImmediate); // its input is on its way
    await clock.advance(10_000);
    let over = false;
    void outcomes.then(() => {
      over = true;
    });
    await new Promise(setImmediate);
    expect(over).toBe(false);
    await clock.advance(2_000);
    const hangs = { code: "transcode_failed", message: "the transcoding thread hangs" };
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: hangs });
    expect((await convert(24_000)).length).toBeGreaterThan(0);
  });

  it("fails what is running with shutting_down when closed", async () => {
    pool = new WorkerPool({ workers: 2, clock: systemClock, stallTimeoutMs: 60_000 });
    const outcome = expect(convert(24_000, neverEnding())).rejects.toMatchObject({ code: "shutting_down" });
    await pool.close();
    await outcome;
  });
});
