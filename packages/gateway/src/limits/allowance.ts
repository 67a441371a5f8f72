import { SpeechError } from "../core/errors.ts";
import { type Allowance, type QuotaUnit, unitOf, type Window } from "../core/quota.ts";

/** Times in Redis are 32 bits of milliseconds, which is 49 days; see lua/log.lua. */
const MAX_LENGTH_MS = 7 * 24 * 3_600_000;
const MAX_LIMIT = 2 ** 31 - 1;
/** Remembers what was judged, not what was decided: the same allowance comes with every request. */
const checked = new WeakSet<Allowance>();

/** The same allowance. Throws `internal` for windows that no limiter can keep; what 0 means is the caller's to decide. */
export function checkedAllowance(allowance: Allowance): Allowance {
  if (checked.has(allowance)) return allowance;
  for (const window of [...allowance.user, ...allowance.tenant]) {
    const { name, limit, lengthMs } = window;
    const timed = unitOf(window) === "streams" ? lengthMs === 0 : lengthMs >= 1 && lengthMs <= MAX_LENGTH_MS;
    if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT && Number.isInteger(lengthMs) && timed)) {
      throw new SpeechError("internal", `window ${name} needs a whole limit >= 1 and a length from 1 ms to 7 days`);
    }
  }
  checked.add(allowance);
  return allowance;
}

/** Length of the longest window, in ms; of one unit alone if it is named. 0 if there is none. */
export function longestOf(windows: readonly Window[], unit?: QuotaUnit): number {
  let longest = 0;
  for (const window of windows)
    if (window.lengthMs > longest && (unit === undefined || unitOf(window) === unit)) longest = window.lengthMs;
  return longest;
}
