import fc from "fast-check";
import { expect } from "vitest";
import type { RateLimiter } from "../../src/core/ports.ts";
import {
  type Allowance,
  type Charge,
  type Cost,
  neverFits,
  type Subject,
  unitOf,
  type Window,
} from "../../src/core/quota.ts";

const { signal } = new AbortController();

type Event = { readonly at: number; requests: number; characters: number };

/** The definition of all units by brute force: every charge is kept and every window recounted. */
class QuotaModel {
  now = 0;
  readonly #events = new Map<string, Event[]>();
  readonly #streams = new Map<string, number>();

  /** What `take` must say; charges if it admits. */
  take(subject: Subject, allowance: Allowance, cost: Cost) {
    const owners = ownersOf(subject, allowance);
    const states = owners.flatMap(({ key, windows }) =>
      windows.map((window) => ({
        window,
        remaining: this.#remaining(key, window),
        resetMs: this.#wait(key, window, 1),
      })),
    );
    const waits = owners.flatMap(({ key, windows }) =>
      windows.map((window) => ({
        window,
        ms: cost[unitOf(window)] === 0 ? 0 : this.#wait(key, window, cost[unitOf(window)]),
      })),
    );
    const retryAfterMs = Math.max(0, ...waits.map(({ ms }) => ms));
    if (retryAfterMs > 0) {
      return {
        admitted: false as const,
        retryAfterMs,
        window: waits.find(({ ms }) => ms === retryAfterMs)!.window,
        states,
      };
    }
    const events: Event[] = [];
    for (const { key, windows } of owners) {
      if (windows.length === 0) continue;
      const event = { at: this.now, requests: cost.requests, characters: cost.characters };
      this.#events.set(key, [...(this.#events.get(key) ?? []), event]);
      this.#streams.set(key, (this.#streams.get(key) ?? 0) + cost.streams);
      events.push(event);
    }
    const settle = (characters: number): void => {
      for (const event of events) event.characters -= characters;
      for (const { key } of owners) this.#streams.set(key, (this.#streams.get(key) ?? 0) - cost.streams);
    };
    const after = owners.flatMap(({ key, windows }) =>
      windows.map((window) => ({
        window,
        remaining: this.#remaining(key, window),
        resetMs: this.#wait(key, window, 1),
      })),
    );
    return { admitted: true as const, states: after, settle };
  }

  #used(key: string, window: Window, at: number): number {
    const unit = unitOf(window);
    if (unit === "streams") return this.#streams.get(key) ?? 0;
    const live = (this.#events.get(key) ?? []).filter((event) => event.at > at - window.lengthMs);
    return live.reduce((sum, event) => sum + event[unit], 0);
  }

  #remaining(key: string, window: Window): number {
    return Math.max(0, window.limit - this.#used(key, window, this.now));
  }

  #wait(key: string, window: Window, cost: number): number {
    if (unitOf(window) === "streams") return this.#used(key, window, this.now) + cost > window.limit ? 1000 : 0;
    for (let ms = 0; ; ms++) if (this.#used(key, window, this.now + ms) + cost <= window.limit) return ms;
  }
}

function ownersOf(subject: Subject, { user, tenant }: Allowance) {
  const owners = [{ key: `user ${JSON.stringify([subject.tenant, subject.user])}`, windows: user }];
  if (subject.tenant !== undefined) owners.push({ key: `tenant ${subject.tenant}`, windows: tenant });
  return owners;
}

const lengthMs = fc.integer({ min: 1, max: 150 });
const windowOf =
  (prefix: string) =>
  (shape: Omit<Window, "name">, n: number): Window => ({ name: `${prefix}${n}`, ...shape });
const windows = (prefix: string) =>
  fc
    .array(
      fc.oneof(
        fc.record({ limit: fc.integer({ min: 2, max: 8 }), lengthMs }),
        fc.record({ unit: fc.constant("characters" as const), limit: fc.integer({ min: 30, max: 120 }), lengthMs }),
        fc.record({
          unit: fc.constant("streams" as const),
          limit: fc.integer({ min: 1, max: 3 }),
          lengthMs: fc.constant(0),
        }),
      ),
      { minLength: 1, maxLength: 3 },
    )
    .map((list) => list.map(windowOf(prefix)));
const allowance: fc.Arbitrary<Allowance> = fc.record({ user: windows("u"), tenant: windows("t") });
const subject: fc.Arbitrary<Subject> = fc.oneof(
  fc.constantFrom("ann", "b:*{}").map((user) => ({ user, tenant: "acme" })),
  fc.constant({ user: "ann" }),
);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      subject,
      server: fc.nat(1),
      cost: fc.record({
        requests: fc.constantFrom(1, 1, 1, 0, 2),
        characters: fc.constantFrom(0, 7, 29, 30),
        streams: fc.constantFrom(0, 0, 1),
      }),
    }),
  },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 25 }).map((ms) => ({ ms })) },
  { weight: 2, arbitrary: fc.integer({ min: -1, max: 0 }).map((late) => ({ late })) },
  { weight: 2, arbitrary: fc.record({ settle: fc.nat(20), percent: fc.integer({ min: 0, max: 100 }) }) },
  { weight: 1, arbitrary: allowance.map((limits) => ({ limits })) },
);

export type QuotaRig = {
  /** Several servers that share one count. */
  readonly servers: readonly RateLimiter[];
  advance(ms: number): void;
  setAllowance(allowance: Allowance): void;
  close(): Promise<void>;
};

/**
 * Random schedules of several servers, users, tenants and units, with refunds and limits that change on the way: every
 * decision, remaining number and retry time must be the model's.
 */
export async function matchesQuotaModel(
  create: () => Promise<QuotaRig>,
  { runs, limitsChange }: { readonly runs: number; readonly limitsChange: boolean },
): Promise<void> {
  const property = fc.asyncProperty(
    allowance,
    fc.array(step, { minLength: 1, maxLength: 60 }),
    async (first, steps) => {
      const rig = await create();
      const model = new QuotaModel();
      let limits = first;
      rig.setAllowance(limits);
      const charges: { readonly charge: Charge; readonly settle: (characters: number) => void; readonly cost: Cost }[] =
        [];
      let retryAfterMs = 1;
      try {
        for (const action of steps) {
          if ("cost" in action) {
            const within = action.subject.tenant === undefined ? { ...limits, tenant: [] } : limits;
            if (neverFits(within, action.cost)) continue;
            const expected = model.take(action.subject, within, action.cost);
            const decision = await rig.servers[action.server % rig.servers.length]!.take(action.subject, action.cost, {
              signal,
            });
            expect(plain(decision)).toEqual(plain(expected));
            if (decision.admitted && expected.admitted)
              charges.push({ charge: decision.charge, settle: expected.settle, cost: action.cost });
            if (!expected.admitted) retryAfterMs = expected.retryAfterMs;
          } else if ("settle" in action) {
            const [settled] = charges.splice(action.settle % Math.max(1, charges.length), 1);
            if (settled === undefined) continue;
            const characters = Math.floor((settled.cost.characters * action.percent) / 100);
            settled.settle(characters);
            await settled.charge.settle({ characters });
          } else if ("limits" in action) {
            if (!limitsChange) continue;
            // Same windows, other limits: of a new window nobody can know the past.
            limits = { user: relimited(limits.user, action.limits), tenant: relimited(limits.tenant, action.limits) };
            rig.setAllowance(limits);
          } else {
            const ms = "ms" in action ? action.ms : Math.max(0, retryAfterMs + action.late);
            model.now += ms;
            rig.advance(ms);
          }
        }
      } finally {
        await rig.close();
      }
    },
  );
  await fc.assert(property, { numRuns: runs });
}

function plain(decision: object): object {
  const { charge: _, settle: __, ...rest } = decision as { charge?: unknown; settle?: unknown };
  return rest;
}

function relimited(list: readonly Window[], source: Allowance): Window[] {
  const limits = [...source.user, ...source.tenant].map(({ limit }) => limit);
  return list.map((window, n) => {
    const limit = limits[n % Math.max(1, limits.length)] ?? window.limit;
    return {
      ...window,
      limit: unitOf(window) === "characters" ? Math.max(30, limit) : Math.min(8, Math.max(2, limit)),
    };
  });
}
