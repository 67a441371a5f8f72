import { SpeechError } from "./errors.ts";

/** What is counted. Requests are calls, characters those that engines were asked for, streams answers under way. */
export type QuotaUnit = "requests" | "characters" | "streams";

/** At most `limit` of a unit in any stretch of time of `lengthMs`; of streams, at most `limit` at any instant. */
export type Window = {
  readonly name: string;
  readonly limit: number;
  /** 0 for streams. */
  readonly lengthMs: number;
  /** Absent: requests. */
  readonly unit?: QuotaUnit;
};

/** Who is counted: a user, within a tenant if there is one. A plan says how much; absent: the default. */
export type Subject = { readonly user: string; readonly tenant?: string; readonly plan?: string };

/** The windows of one subject and those of its tenant, which all its users share. */
export type Allowance = { readonly user: readonly Window[]; readonly tenant: readonly Window[] };

/** What one call takes of each unit. Whole numbers. */
export type Cost = Readonly<Record<QuotaUnit, number>>;

export const ONE_REQUEST: Cost = { requests: 1, characters: 0, streams: 0 };

/** How full one window is after a decision. `resetMs`: until one more fits again (0 if one fits now). */
export type WindowState = { readonly window: Window; readonly remaining: number; readonly resetMs: number };

/** What an admission took, as far as something of it can come back. */
export type Charge = {
  /** The answer is over: ends its stream and gives back characters that no engine spoke. Never rejects; counts once. */
  settle(unspoken: { readonly characters: number }): Promise<void>;
};

export type Refusal = {
  readonly admitted: false;
  /**
   * Until every window has room. Exact for requests and characters: one millisecond earlier would be refused again.
   * A stream ends when it ends; for it this is only a good moment to ask again.
   */
  readonly retryAfterMs: number;
  /** The window that opens last. */
  readonly window: Window;
  readonly states: readonly WindowState[];
};

export type Decision =
  | { readonly admitted: true; readonly states: readonly WindowState[]; readonly charge: Charge }
  | Refusal;

/** Of a cost that stays as it is, however the answer ends. */
export const NOTHING_TO_SETTLE: Charge = { settle: async () => {} };

/** The first window that is too small for this cost even when it is empty. Waiting does not help then. */
export function neverFits({ user, tenant }: Allowance, cost: Cost): Window | undefined {
  return [...user, ...tenant].find((window) => cost[unitOf(window)] > window.limit);
}

export function unitOf({ unit }: Window): QuotaUnit {
  return unit ?? "requests";
}

/** A full window in words. */
export function limitReached(window: Window): string {
  if (unitOf(window) === "streams") return `limit of ${window.limit} answers at a time reached`;
  return `limit of ${window.limit} ${unitOf(window)} per ${window.lengthMs / 1000} s reached`;
}

/** A refusal as the error that callers see. */
export function refusalError({ window, retryAfterMs }: Refusal): SpeechError {
  const message = `${limitReached(window)}; try again in ${Math.ceil(retryAfterMs / 1000)} s`;
  return new SpeechError("rate_limit_exceeded", message, { retryAfterMs, limited: unitOf(window) });
}
