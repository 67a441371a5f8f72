import { isIPv6 } from "node:net";
import type { Clock } from "../core/clock.ts";

export type GuessBudgetOptions = {
  readonly clock: Clock;
  /** Wrong keys that one address may send in a row before it has to wait. */
  readonly burst?: number;
  /** Then one more for each of these. */
  readonly everyMs?: number;
  readonly maxAddresses?: number;
};

/**
 * How many wrong credentials an address may still send: a bucket each. Full ones are not kept, and beyond `max` the one
 * that failed longest ago is forgotten. IPv6 callers have a whole /64 to choose from, so that is what counts.
 */
export class GuessBudget {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #everyMs: number;
  readonly #max: number;
  /** When the bucket will be full again. */
  readonly #fullAt = new Map<string, number>();

  constructor({ clock, burst = 20, everyMs = 3_000, maxAddresses = 10_000 }: GuessBudgetOptions) {
    this.#clock = clock;
    this.#burst = burst;
    this.#everyMs = everyMs;
    this.#max = maxAddresses;
  }

  /** 0, or how long this address has to wait before anything it sends is looked at. */
  waitMs(address: string): number {
    const fullAt = this.#fullAt.get(networkOf(address)) ?? 0;
    return Math.max(0, Math.ceil(fullAt - this.#clock.monotonic() - (this.#burst - 1) * this.#everyMs));
  }

  failed(address: string): void {
    const network = networkOf(address);
    const now = this.#clock.monotonic();
    const fullAt = Math.max(now, this.#fullAt.get(network) ?? 0) + this.#everyMs;
    this.#fullAt.delete(network);
    this.#fullAt.set(network, fullAt);
    for (const [oldest, at] of this.#fullAt) {
      if (at > now && this.#fullAt.size <= this.#max) break;
      this.#fullAt.delete(oldest);
    }
  }
}

function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith("::ffff:")) return address;
  const [head = "", tail] = address.split("::", 2);
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) while (groups.length < 4) groups.push("0");
  return groups.slice(0, 4).join(":");
}
