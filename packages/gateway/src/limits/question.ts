import type { Allowance, Cost, Window } from "../core/quota.ts";
import { unitOf } from "../core/quota.ts";

/** The windows of an allowance as `take.lua` reads them. */
export type Question = {
  /** The user's windows, then the tenant's, as the script numbers them. */
  readonly windows: readonly Window[];
  readonly ofUser: boolean;
  readonly ofTenant: boolean;
  /** Arguments behind those of every question, for any cost. */
  readonly shape: readonly string[];
  /** The same in the short form, for one request; undefined where the short way through the script does not fit. */
  readonly short: readonly string[] | undefined;
  readonly hasCharacters: boolean;
  readonly hasStreams: boolean;
};

/** Questions by allowance: the same few come with every request, and writing them out is half of a call's time here. */
export class Questions {
  readonly #known = new WeakMap<Allowance, { readonly alone?: Question; readonly within?: Question }>();

  /** `inTenant`: the tenant's windows count as well. */
  of(allowance: Allowance, inTenant: boolean): Question {
    const known = this.#known.get(allowance);
    const found = inTenant ? known?.within : known?.alone;
    if (found !== undefined) return found;
    const made = questionOf(allowance.user, inTenant ? allowance.tenant : []);
    this.#known.set(allowance, { ...known, ...(inTenant ? { within: made } : { alone: made }) });
    return made;
  }
}

export function isOneRequest({ requests, characters, streams }: Cost): boolean {
  return requests === 1 && characters === 0 && streams === 0;
}

function questionOf(user: readonly Window[], tenant: readonly Window[]): Question {
  const windows = [...user, ...tenant];
  const units = new Set(windows.map(unitOf));
  const onlyRequests = tenant.length === 0 && units.size === 1 && units.has("requests");
  return {
    windows,
    ofUser: user.length > 0,
    ofTenant: tenant.length > 0,
    shape: [user, tenant].filter((list) => list.length > 0).flatMap(written),
    short: onlyRequests
      ? ["one", ...user.flatMap(({ limit, lengthMs }) => [String(limit), String(lengthMs)])]
      : undefined,
    hasCharacters: units.has("characters"),
    hasStreams: units.has("streams"),
  };
}

function written(list: readonly Window[]): string[] {
  return [
    String(list.length),
    ...list.flatMap((window) => [unitOf(window), String(window.limit), String(window.lengthMs)]),
  ];
}
