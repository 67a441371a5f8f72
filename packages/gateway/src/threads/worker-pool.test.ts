import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import type { TrialJob } from "./trial-worker.ts";
import { WorkerPool, type WorkerPoolOptions } from "./worker-pool.ts";

const script = new URL("./trial-worker.ts", import.meta.url);
const { signal } = new AbortController();
let pool: WorkerPool<TrialJob, number>;
afterEach(() => pool.close());

function open(options: Partial<WorkerPoolOptions> = {}): void {
  pool = new WorkerPool({ name: "trial", script, size: 2, maxQueued: 10, timeoutMs: 10_000, ...options });
}
async function run(job: TrialJob, jobSignal: AbortSignal = signal): Promise<number[]> {
  const got: number[] = [];
  for await (const value of pool.run(job, { signal: jobSignal })) got.push(value);
  return got;
}
const threadId = async (): Promise<number> => (await run({ kind: "threadId" }))[0]!;

describe("WorkerPool", () => {
  it("run() yields a job's messages in order, for many jobs at once", async () => {
    open();
    const jobs = Array.from({ length: 10 }, (_, n) => run({ kind: "echo", values: [n, n + 1, n + 2], pauseMs: 1 }));
    expect(await Promise.all(jobs)).toEqual(jobs.map((_, n) => [n, n + 1, n + 2]));
    expect(pool.load).toEqual({ running: 0, queued: 0 });
  });
  it("run() hands over messages before the job is done", async () => {
    open();
    for await (const value of pool.run({ kind: "echo", values: [7, 8], pauseMs: 400 }, { signal })) {
      expect(value).toBe(7);
      expect(pool.load.running).toBe(1);
      break;
    }
  });
  it("run() starts a second worker only when the first is busy", async () => {
    open();
    expect(new Set([await threadId(), await threadId(), await threadId()]).size).toBe(1);
    const both = await Promise.all([run({ kind: "echo", values: [1], pauseMs: 300 }), threadId()]);
    expect(both[1]).not.toBe(0);
  });
  it("run() refuses more than may wait", async () => {
    open({ size: 1, maxQueued: 1 });
    const results = await Promise.allSettled([1, 2, 3].map((n) => run({ kind: "echo", values: [n] })));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
    expect((results[2] as PromiseRejectedResult).reason).toMatchObject({ code: "overloaded" });
  });
  it("run() ends a worker that spins past the deadline, and only that one", async () => {
    open({ timeoutMs: 700 });
    const spinning = expect(run({ kind: "spin" })).rejects.toMatchObject({ code: "engine_timeout" });
    expect(await run({ kind: "echo", values: [1, 2] })).toEqual([1, 2]);
    await spinning;
    expect(await Promise.all([run({ kind: "echo", values: [3] }), run({ kind: "echo", values: [4] })])).toEqual([
      [3],
      [4],
    ]);
  });
  it("run() aborted throws the reason at once, though the worker spins, and the next job gets a new worker", async () => {
    open({ size: 1 });
    const before = await threadId();
    const gate = new AbortController();
    const reason = new Error("barge-in");
    const spinning = run({ kind: "spin" }, gate.signal);
    const next = threadId();
    setTimeout(() => gate.abort(reason), 20);
    await expect(spinning).rejects.toBe(reason);
    expect(await next).not.toBe(before);
  });
  it("run() aborted keeps a worker that stops within the grace", async () => {
    open({ size: 1, abortGraceMs: 5000 });
    const before = await threadId();
    const gate = new AbortController();
    const spinning = run({ kind: "spinUntilCancelled" }, gate.signal);
    setTimeout(() => gate.abort(new Error("enough")), 20);
    await expect(spinning).rejects.toThrow("enough");
    expect(await threadId()).toBe(before);
  });
  it("run() aborted while waiting never starts", async () => {
    open({ size: 1 });
    const gate = new AbortController();
    const first = run({ kind: "echo", values: [1], pauseMs: 100 });
    const waiting = run({ kind: "spin" }, gate.signal);
    gate.abort(new Error("left the queue"));
    await expect(waiting).rejects.toThrow("left the queue");
    expect(await first).toEqual([1]);
    expect(pool.load).toEqual({ running: 0, queued: 0 });
  });
  it("a crash fails its own job only", async () => {
    open({ failureCode: "transcode_failed" });
    const echo = run({ kind: "echo", values: [1, 2, 3], pauseMs: 50 });
    await expect(run({ kind: "exit" })).rejects.toMatchObject({ code: "transcode_failed" });
    expect(await echo).toEqual([1, 2, 3]);
  });
  it("what a job throws is its failure, with its code if it has one, and the worker stays", async () => {
    open({ size: 1 });
    const before = await threadId();
    await expect(run({ kind: "throw" })).rejects.toMatchObject({ code: "engine_failed" });
    await expect(run({ kind: "refuse" })).rejects.toMatchObject({ code: "engine_cannot_say" });
    expect(await threadId()).toBe(before);
  });
  it("a worker whose file is missing fails each job, and does not loop", async () => {
    open({ script: new URL("./no-such-worker.ts", import.meta.url) });
    await expect(run({ kind: "threadId" })).rejects.toMatchObject({ code: "engine_failed" });
    await expect(run({ kind: "threadId" })).rejects.toMatchObject({ code: "engine_failed" });
  });
  it("idle workers beyond the first end", async () => {
    open({ size: 2, idleMs: 50 });
    const ids = () => Promise.all([threadId(), run({ kind: "echo", values: [1], pauseMs: 50 })]);
    await ids();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await run({ kind: "echo", values: [5] })).toEqual([5]);
  });
  it("close() fails what runs and what waits, and refuses what comes", async () => {
    open({ size: 1 });
    const results = Promise.allSettled([run({ kind: "spin" }), run({ kind: "echo", values: [1] })]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await pool.close();
    for (const result of await results) expect(result).toMatchObject({ reason: { code: "shutting_down" } });
    await expect(run({ kind: "threadId" })).rejects.toMatchObject({ code: "shutting_down" });
  });
  it("idle workers do not hold the process", async () => {
    open();
    const source = `
      import { WorkerPool } from ${JSON.stringify(new URL("./worker-pool.ts", import.meta.url).href)};
      const pool = new WorkerPool({ name: "t", script: new URL(${JSON.stringify(script.href)}), size: 1, maxQueued: 1, timeoutMs: 60000, idleMs: 60000 });
      for await (const value of pool.run({ kind: "echo", values: [1] }, { signal: new AbortController().signal })) console.log(value);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", source], {
      stdio: ["ignore", "pipe", "inherit"],
      cwd: fileURLToPath(new URL(".", import.meta.url)),
    });
    let printed = "";
    child.stdout.on("data", (chunk: Buffer) => (printed += chunk));
    const hung = setTimeout(() => child.kill(), 20_000);
    const [status] = (await once(child, "close")) as [number | null];
    clearTimeout(hung);
    expect([status, printed]).toEqual([0, "1\n"]);
  });
});
