import { expect, it } from "vitest";
import { manualClock } from "../test/support/manual-clock.ts";
import { engineHealth } from "./compose-engines.ts";
import { SpeechError } from "./core/errors.ts";
import { EventBus } from "./core/events.ts";
import { EngineStates } from "./speech/engine-states.ts";

const GUARDS = { firstAudioMs: 1_000, betweenChunksMs: 1_000, breaker: { consecutiveFailures: 1, openMs: 1_000 } };
const failure = new SpeechError("engine_failed", "broken");

it("engineHealth() names a fallback that failed and that nobody asks, and degrades nothing for it", async () => {
  const clock = manualClock();
  const engines = ["first", "second"];
  const states = new EngineStates({ clock, events: new EventBus(), guardsOf: () => GUARDS, engines });
  const begin = (engine: string) => states.of(engine).begin(1, { insist: false })!;
  begin("second").failed(failure, { late: false });
  expect(engineHealth(states)).toEqual({ status: "degraded", detail: "first, second (failing, left alone for now)" });
  await clock.advance(60_999);
  expect(engineHealth(states)).toEqual({ status: "degraded", detail: "first, second (failing, being tried)" });
  await clock.advance(1);
  expect(engineHealth(states)).toEqual({ status: "ok", detail: "first, second (failed, not asked since)" });
  const probe = begin("second");
  expect(engineHealth(states).status).toBe("degraded");
  probe.failed(failure, { late: false });
  await clock.advance(62_000);
  expect(engineHealth(states).status).toBe("ok");
  // Callers would have the first one: however quiet it is, it is missed.
  begin("second").succeeded();
  begin("first").failed(failure, { late: false });
  await clock.advance(600_000);
  expect(engineHealth(states)).toEqual({ status: "degraded", detail: "first (failing, being tried), second" });
});
