import fc from "fast-check";
import { expect } from "vitest";
import type { RateLimiter } from "../../src/core/ports.ts";
import { ONE_REQUEST, type Refusal, type Window, type WindowState } from "../../src/core/quota.ts";
import type { CreateLimiter, LimiterUnderTest } from "./rate-limiter.ts";

const { signal } = new AbortController();

type Expected = { readonly admitted: true; readonly states: readonly WindowState[] } | Refusal;

/** The definition, by brute force: every admission is remembered and every window recounted. */
class Model {
  #now = 0;
  readonly #windows: readonly Window[];
  readonly #admissions = new Map<string, number[]>();
  constructor(windows: readonly Window[]) {
    this.#windows = windows;
  }
  advance(ms: number): void {
    this.#now += ms;
  }
  take(subject: string): Expected {
    const log = this.#admissions.get(subject) ?? [];
    const waitMs = (window: Window): number => {
      let at = this.#now;
      while (log.filter((time) => time > at - window.lengthMs).length >= window.limit) at++;
      return at - this.#now;
    };
    const states = () =>
      this.#windows.map((window) => ({
        window,
        remaining: window.limit - log.filter((time) => time > this.#now - window.lengthMs).length,
        resetMs: waitMs(window),
      }));
    const before = states();
    const retryAfterMs = Math.max(...before.map(({ resetMs }) => resetMs));
    if (retryAfterMs > 0) {
      const { window } = before.find(({ resetMs }) => resetMs === retryAfterMs)!;
      return { admitted: false, retryAfterMs, window, states: before };
    }
    log.push(this.#now);
    this.#admissions.set(subject, log);
    return { admitted: true, states: states() };
  }
}

/** Random histories, with steps to the very edges that refusals named: every decision must be the definition's. */
export async function decidesLikeTheModel(create: CreateLimiter, runs: number): Promise<void> {
  const windows = fc
    .array(fc.record({ limit: fc.integer({ min: 1, max: 20 }), lengthMs: fc.integer({ min: 1, max: 200 }) }), {
      minLength: 1,
      maxLength: 3,
    })
    .map((list) => list.map((window, n): Window => ({ name: `w${n}`, ...window })));
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom("ann", "bob").map((subject) => ({ subject })) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 90 }).map((ms) => ({ ms })) },
    { weight: 1, arbitrary: fc.integer({ min: -1, max: 0 }).map((late) => ({ late })) }, // to the edge that was named
  );

  await fc.assert(
    fc.asyncProperty(windows, fc.array(step, { minLength: 1, maxLength: 120 }), async (list, steps) => {
      const { limiter, advance, close } = await create(list);
      try {
        await compare(limiter, advance, list, steps);
      } finally {
        await close();
      }
    }),
    { numRuns: runs },
  );
}

type Step = { readonly subject: string } | { readonly ms: number } | { readonly late: number };

async function compare(
  limiter: RateLimiter,
  advance: LimiterUnderTest["advance"],
  windows: readonly Window[],
  steps: readonly Step[],
): Promise<void> {
  const model = new Model(windows);
  let retryAfterMs = 1;
  for (const step of steps) {
    if ("subject" in step) {
      const expected = model.take(step.subject);
      expect(await limiter.take({ user: step.subject }, ONE_REQUEST, { signal })).toMatchObject(expected);
      if (!expected.admitted) retryAfterMs = expected.retryAfterMs;
      continue;
    }
    const ms = "ms" in step ? step.ms : retryAfterMs + step.late;
    model.advance(ms);
    await advance(ms);
  }
}
