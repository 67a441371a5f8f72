import type { Allowance, QuotaUnit, Subject, Window } from "../core/quota.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Every limit that a plan or a tenant may set, as it is written in the config file. */
const PLAN_LIMITS = {
  requestsPerMinute: { name: "minute", unit: "requests", lengthMs: MINUTE_MS },
  requestsPerHour: { name: "hour", unit: "requests", lengthMs: HOUR_MS },
  requestsPerDay: { name: "day", unit: "requests", lengthMs: 24 * HOUR_MS },
  charactersPerMinute: { name: "characters-minute", unit: "characters", lengthMs: MINUTE_MS },
  charactersPerHour: { name: "characters-hour", unit: "characters", lengthMs: HOUR_MS },
  charactersPerDay: { name: "characters-day", unit: "characters", lengthMs: 24 * HOUR_MS },
  streams: { name: "streams", unit: "streams", lengthMs: 0 },
} as const satisfies Record<string, { name: string; unit: QuotaUnit; lengthMs: number }>;

const TENANT_PREFIX = "tenant-";
/** Every name that a window can have. */
export const WINDOW_NAMES: readonly string[] = ["", TENANT_PREFIX].flatMap((prefix) =>
  Object.values(PLAN_LIMITS).map(({ name }) => prefix + name),
);

/** 0: no such limit. In a plan, absent means the default plan's; in a tenant, none. */
export type PlanLimits = { readonly [K in keyof typeof PLAN_LIMITS]?: number | undefined };

export type PlansOptions = {
  readonly default: PlanLimits;
  readonly plans: Readonly<Record<string, PlanLimits>>;
  /** What all users of a tenant share, on top of their own limits. */
  readonly tenants: Readonly<Record<string, PlanLimits>>;
};

/**
 * What each subject may do, from the configured plans. A plan that nobody configured, as a token may name one, is the
 * default. The same objects come back each time.
 */
export function planAllowances(options: PlansOptions): (subject: Subject) => Allowance {
  const tenants = new Map(
    Object.entries(options.tenants).map(([name, limits]) => [name, windowsOf(limits, TENANT_PREFIX)]),
  );
  const withTenants = (limits: PlanLimits) => {
    const user = windowsOf(limits, "");
    const alone: Allowance = { user, tenant: [] };
    return {
      alone,
      within: new Map([...tenants].map(([name, tenant]): [string, Allowance] => [name, { user, tenant }])),
    };
  };
  const standard = withTenants({ ...options.default, ...options.plans.default });
  const plans = new Map(
    Object.entries(options.plans).map(([name, limits]) => [
      name,
      withTenants({ ...options.default, ...options.plans.default, ...limits }),
    ]),
  );
  return ({ plan, tenant }) => {
    const { alone, within } = (plan !== undefined && plans.get(plan)) || standard;
    return (tenant !== undefined && within.get(tenant)) || alone;
  };
}

function windowsOf(limits: PlanLimits, prefix: string): Window[] {
  return (Object.keys(PLAN_LIMITS) as (keyof typeof PLAN_LIMITS)[]).flatMap((key) => {
    const limit = limits[key] ?? 0;
    const { name, unit, lengthMs } = PLAN_LIMITS[key];
    if (limit === 0) return [];
    return [{ name: prefix + name, limit, lengthMs, ...(unit !== "requests" && { unit }) }];
  });
}
