import { afterEach, describe, expect, it } from "vitest";
import type { RateLimiter } from "../../src/core/ports.ts";
import { type Decision, ONE_REQUEST, type Refusal, type Window } from "../../src/core/quota.ts";
import { decidesLikeTheModel } from "./rate-limiter-model.ts";

export type LimiterUnderTest = {
  readonly limiter: RateLimiter;
  /** Moves the limiter's time on, or waits that long if its time is real. */
  advance(ms: number): Promise<void>;
  /** Called once when a test is through with it; closes the limiter and whatever it stands on. */
  close(): Promise<void>;
};

export type RateLimiterSuiteOptions = {
  /** The limiter's time cannot be moved: only tests that a few seconds and coarse times suffice for. */
  readonly realTime?: boolean;
  /** Runs of the model-based property. Fewer for a limiter behind a network. */
  readonly modelRuns?: number;
};

export type CreateLimiter = (windows: readonly Window[]) => Promise<LimiterUnderTest>;

const minute: Window = { name: "minute", limit: 30, lengthMs: 60_000 };
const hour: Window = { name: "hour", limit: 500, lengthMs: 3_600_000 };
const { signal } = new AbortController();

/** What every RateLimiter must do. `createLimiter` gives one without any memory each time. */
export function describeRateLimiter(
  name: string,
  createLimiter: CreateLimiter,
  options: RateLimiterSuiteOptions = {},
): void {
  describe(`RateLimiter: ${name}`, () => {
    const open: LimiterUnderTest[] = [];
    const create: CreateLimiter = async (windows) => {
      const made = await createLimiter(windows);
      open.push(made);
      return made;
    };
    afterEach(async () => {
      await Promise.all(open.splice(0).map((made) => made.close()));
    });
    anyTime(create);
    if (options.realTime) realTime(create);
    else {
      movedTime(create);
      it("take() decides like the definition in every history", () =>
        decidesLikeTheModel(createLimiter, options.modelRuns ?? 200));
    }
  });
}

const take = async (limiter: RateLimiter, user: string): Promise<Decision> =>
  limiter.take({ user }, ONE_REQUEST, { signal });

async function takeMany(limiter: RateLimiter, subject: string, times: number): Promise<Decision[]> {
  const decisions: Decision[] = [];
  for (let n = 0; n < times; n++) decisions.push(await take(limiter, subject));
  return decisions;
}

async function refused(limiter: RateLimiter, subject: string): Promise<Refusal> {
  const decision = await take(limiter, subject);
  if (decision.admitted) throw new Error("admitted, though the limit is used up");
  return decision;
}

const admittedOf = (decisions: readonly Decision[]): number => decisions.filter(({ admitted }) => admitted).length;

function anyTime(create: CreateLimiter): void {
  it("take() admits exactly the limit, counts down and then refuses", async () => {
    const { limiter } = await create([minute, hour]);
    expect(limiter.allowanceOf({ user: "ann" }).user).toEqual([minute, hour]);
    const decisions = await takeMany(limiter, "ann", 40);
    expect(decisions.map(({ admitted }) => admitted)).toEqual(Array.from({ length: 40 }, (_, n) => n < 30));
    expect(decisions.slice(0, 30).map(({ states }) => states[0]!.remaining)).toEqual(
      Array.from({ length: 30 }, (_, n) => 29 - n),
    );
    const last = decisions[39] as Refusal;
    expect(last.window).toEqual(minute);
    expect(last.retryAfterMs).toBeGreaterThan(0);
    expect(last.retryAfterMs).toBeLessThanOrEqual(minute.lengthMs);
    expect(last.states.map(({ window, remaining }) => [window.name, remaining])).toEqual([
      ["minute", 0],
      ["hour", 470],
    ]);
    expect(last.states[0]!.resetMs).toBe(last.retryAfterMs);
    expect(last.states[1]!.resetMs).toBe(0);
  });

  it("take() admits exactly the limit of many at once", async () => {
    const { limiter } = await create([minute, hour]);
    const decisions = await Promise.all(Array.from({ length: 100 }, () => take(limiter, "ann")));
    expect(admittedOf(decisions)).toBe(30);
  });

  it("take() keeps subjects apart, whatever they are called", async () => {
    const { limiter } = await create([{ name: "minute", limit: 2, lengthMs: 60_000 }]);
    const long = "x".repeat(10_000);
    const names = [
      ..."a|A|a:b|a:b:c|b|{a}|}{|*|a*|?|a b| |%00|__proto__|constructor|toString|0|null|-1".split("|"),
      ...["", "a\u0000", "a\r\nDEL b", "é", "e\u0301", "😀", long, `${long}y`],
    ];
    for (const subject of names) {
      const decisions = await takeMany(limiter, subject, 3);
      expect(
        decisions.map(({ admitted }) => admitted),
        JSON.stringify(subject.slice(0, 40)),
      ).toEqual([true, true, false]);
    }
  });

  it("take() admits everything when there are no windows", async () => {
    const { limiter } = await create([]);
    expect(admittedOf(await takeMany(limiter, "ann", 100))).toBe(100);
  });

  it("take() aborted rejects with the signal's reason and charges nothing", async () => {
    const { limiter } = await create([{ name: "minute", limit: 1, lengthMs: 60_000 }]);
    const reason = new Error("caller left");
    await expect(limiter.take({ user: "ann" }, ONE_REQUEST, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    expect((await take(limiter, "ann")).admitted).toBe(true);
  });
}

function movedTime(create: CreateLimiter): void {
  it("take() lets no burst through at a window's edge", async () => {
    const { limiter, advance } = await create([minute]);
    expect(admittedOf(await takeMany(limiter, "ann", 29))).toBe(29);
    await advance(59_000);
    expect(admittedOf(await takeMany(limiter, "ann", 5))).toBe(1);
    await advance(900); // 59.9 s
    expect(admittedOf(await takeMany(limiter, "ann", 60))).toBe(0);
    await advance(200); // 60.1 s: the first 29 have left, the one of 59 s has not
    expect(admittedOf(await takeMany(limiter, "ann", 60))).toBe(29);
    await advance(58_899); // 118.999 s
    expect(admittedOf(await takeMany(limiter, "ann", 1))).toBe(0);
    await advance(1);
    expect(admittedOf(await takeMany(limiter, "ann", 2))).toBe(1);
  });

  it("take() names the millisecond at which it will admit", async () => {
    const { limiter, advance } = await create([{ name: "short", limit: 3, lengthMs: 10_000 }]);
    for (const pause of [0, 1_234, 777]) {
      await advance(pause);
      await takeMany(limiter, "ann", 1);
    }
    const { retryAfterMs } = await refused(limiter, "ann");
    expect(retryAfterMs).toBe(10_000 - 1_234 - 777);
    await advance(retryAfterMs - 1);
    expect((await refused(limiter, "ann")).retryAfterMs).toBe(1);
    await advance(1);
    expect((await take(limiter, "ann")).admitted).toBe(true);
    expect((await refused(limiter, "ann")).retryAfterMs).toBe(1_234);
  });

  it("take() charges no window for a refusal", async () => {
    const { limiter, advance } = await create([minute, hour]);
    for (let round = 0; round < 16; round++) {
      expect(admittedOf(await takeMany(limiter, "ann", 60))).toBe(30);
      await advance(60_000);
    }
    expect(admittedOf(await takeMany(limiter, "ann", 60))).toBe(20); // 16 * 30 + 20 = 500
    const { window, retryAfterMs, states } = await refused(limiter, "ann");
    expect([window.name, retryAfterMs]).toEqual(["hour", 3_600_000 - 16 * 60_000]);
    expect(states.map(({ remaining }) => remaining)).toEqual([10, 0]);
    await advance(retryAfterMs);
    expect(admittedOf(await takeMany(limiter, "ann", 60))).toBe(30);
  });

  it("take() names the window that opens last", async () => {
    const windows = [
      { name: "slow", limit: 2, lengthMs: 9_000 },
      { name: "quick", limit: 1, lengthMs: 2_000 },
    ];
    const { limiter, advance } = await create(windows);
    await takeMany(limiter, "ann", 1);
    expect((await refused(limiter, "ann")).window.name).toBe("quick");
    await advance(8_000);
    await takeMany(limiter, "ann", 1); // slow opens in 1 s, quick in 2 s
    const decision = await refused(limiter, "ann");
    expect([decision.window.name, decision.retryAfterMs]).toEqual(["quick", 2_000]);
    expect(decision.states.map(({ resetMs }) => resetMs)).toEqual([1_000, 2_000]);
  });
}

function realTime(create: CreateLimiter): void {
  it("take() admits again after retryAfterMs, and not long before", async () => {
    const { limiter, advance } = await create([{ name: "short", limit: 3, lengthMs: 1_000 }]);
    const decisions = await takeMany(limiter, "ann", 3);
    expect(admittedOf(decisions)).toBe(3);
    const { retryAfterMs } = await refused(limiter, "ann");
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(1_000);
    await advance(retryAfterMs + 5); // timers may fire a little early
    expect((await take(limiter, "ann")).admitted).toBe(true);
  });

  it("take() never admits more than the limit in any stretch", async () => {
    const { limiter, advance } = await create([{ name: "short", limit: 5, lengthMs: 400 }]);
    const admissions: { before: number; after: number }[] = [];
    const end = performance.now() + 2_000;
    while (performance.now() < end) {
      const before = performance.now();
      const { admitted } = await take(limiter, "ann");
      if (admitted) admissions.push({ before, after: performance.now() });
      await advance(3);
    }
    expect(admissions.length).toBeGreaterThan(10);
    for (let n = 5; n < admissions.length; n++) {
      // The sixth of six was decided at the earliest a length after the first, give or take the limiter's millisecond.
      expect(admissions[n]!.after - admissions[n - 5]!.before).toBeGreaterThanOrEqual(398);
    }
  });
}
