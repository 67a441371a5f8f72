import { describe, expect, it } from "vitest";
import { SpeechError } from "../../src/core/errors.ts";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const body = (input: string, user: string) => ({ input, user, voice: "one", response_format: "pcm" });

describe("The line before an engine", () => {
  it("lets as many in as the config says, and tenants take turns", async () => {
    const engine = standInEngine({ firstByteMs: 30 });
    const engines = [{ name: "stand-in", type: "stand-in", maxConcurrent: 1 }];
    const gateway = await runGateway({ engines }, { engines: [engine] });
    const big = Array.from({ length: 6 }, (_, n) =>
      postSpeech(gateway, body(`Big text number ${n}.`, "big")).then(bytesOf),
    );
    await expect.poll(() => engine.calls).toBeGreaterThan(0);
    const small = postSpeech(gateway, body("One small text.", "small")).then(bytesOf);
    await Promise.all([...big, small]);
    expect(engine.mostActive).toBe(1);
    // All six of the other one were there before.
    const turn = engine.requests.findIndex(({ text }) => text === "One small text.");
    expect(turn).toBeLessThan(5);
  });

  it("refuses with an honest 503 when too many wait, and pauses when the engine says that it is too much", async () => {
    const tooMuch = new SpeechError("engine_failed", "answered 429", { engine: "stand-in", retryAfterMs: 1_500 });
    const engine = standInEngine({ failWith: tooMuch, failAfterBytes: 0 });
    const engines = [{ name: "stand-in", type: "stand-in", maxConcurrent: 2, maxQueued: 0 }];
    const gateway = await runGateway({ engines }, { engines: [engine] });
    expect((await postSpeech(gateway, body("First.", "ann"))).status).toBe(503);
    const calls = engine.calls;
    const second = await postSpeech(gateway, body("Second.", "ann"));
    expect([second.status, engine.calls]).toEqual([503, calls]);
    expect(Number(second.headers.get("retry-after-ms"))).toBeGreaterThanOrEqual(1_000);
    delete engine.script.failWith;
    delete engine.script.failAfterBytes;
    await expect
      .poll(async () => (await postSpeech(gateway, body("Third.", "ann"))).status, { timeout: 5_000 })
      .toBe(200);
  });
});
