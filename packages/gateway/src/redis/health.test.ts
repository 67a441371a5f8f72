import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/support/manual-clock.ts";
import { RedisHealth, type RedisStateChange } from "./health.ts";
import { RedisError } from "./redis-error.ts";

const late = new RedisError("no answer");

function harness({ failuresBeforeDown = 1, answers = true } = {}) {
  const clock = manualClock();
  const changes: RedisStateChange["state"][] = [];
  const server = { answers, probes: 0 };
  const health = new RedisHealth({
    clock,
    failuresBeforeDown,
    probeEveryMs: 250,
    async probe() {
      server.probes++;
      if (!server.answers) throw late;
    },
    onChange: ({ state }) => void changes.push(state),
  });
  const pass = (ms: number) => clock.advance(ms);
  return { clock, changes, server, health, pass };
}

describe("RedisHealth", () => {
  it("is neither up nor down before the first sign of life", async () => {
    const { health, changes, server } = harness({ answers: false });
    await new Promise(setImmediate);
    expect(health.state).toBe("connecting");
    server.answers = true;
    health.connected();
    await new Promise(setImmediate);
    expect(health.state).toBe("up");
    expect(changes).toEqual(["up"]);
  });

  it("says once that it is down, however often it is told", async () => {
    const { health, changes } = harness({ answers: false });
    for (let time = 0; time < 5; time++) health.lost(late);
    health.failed(late);
    expect(changes).toEqual(["down"]);
  });

  it("goes down after failures in a row, and an answer in between starts the count again", async () => {
    const { health, pass, server } = harness({ failuresBeforeDown: 3 });
    await pass(50);
    server.answers = false;
    for (const report of [late, late, undefined, late, late]) {
      if (report) health.failed(report);
      else health.succeeded();
    }
    expect(health.state).toBe("up");
    health.failed(late);
    expect(health.state).toBe("down");
  });

  it("comes back at once if the first probe is answered", async () => {
    const { health, changes, pass } = harness();
    await pass(60_000);
    health.failed(late);
    await pass(0);
    expect(changes).toEqual(["up", "down", "up"]);
  });

  it("probes every probeEveryMs while down and never while up", async () => {
    const { health, pass, server } = harness();
    await pass(60_000);
    const before = server.probes;
    server.answers = false;
    health.failed(late);
    await pass(10_000);
    expect(server.probes - before).toBeGreaterThanOrEqual(38);
    expect(server.probes - before).toBeLessThanOrEqual(42);
  });

  it("keeps one that relapses away for longer each time, and forgets that after a stable while", async () => {
    const { health, changes, pass } = harness();
    await pass(60_000);
    let downMs = 0;
    for (let elapsedMs = 0; elapsedMs < 30_000; elapsedMs += 50) {
      if (health.state === "up")
        health.failed(late); // pings are answered, commands never
      else downMs += 50;
      await pass(50);
    }
    expect(changes.filter((state) => state === "down").length).toBeLessThanOrEqual(9); // 0, ¼, ½, 1, 2, 4, 8, 10 s
    expect(downMs).toBeGreaterThan(25_000);
    await pass(30_000);
    health.failed(late);
    await pass(0);
    expect(health.state).toBe("up");
  });

  it("whenUp() waits, and close() ends every wait and probe", async () => {
    const { health, pass, server } = harness({ answers: false });
    await pass(100);
    const { signal } = new AbortController();
    let isUp = false;
    const waiting = health.whenUp(signal).then(() => (isUp = true));
    await pass(100);
    expect(isUp).toBe(false);
    server.answers = true;
    health.connected();
    await waiting;
    server.answers = false;
    health.lost(late);
    const given = health.whenUp(signal);
    health.close();
    await expect(given).rejects.toThrow("closed");
    const { probes } = server;
    await pass(5000);
    expect(server.probes).toBe(probes);
  });
});
