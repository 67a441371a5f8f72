/** Times of admissions, ascending, and the sum of what they took: a ring that grows as it must. */
export class AdmissionLog {
  #times = new Float64Array(4);
  /** What all entries up to this one took, from an arbitrary start. */
  #sums = new Float64Array(4);
  /** The sum before the oldest entry. */
  #base = 0;
  #first = 0;
  #count = 0;

  get size(): number {
    return this.#count;
  }

  /** Time of the latest entry. */
  get latest(): number {
    return this.#count === 0 ? Number.NEGATIVE_INFINITY : this.#times[this.#at(this.#count)]!;
  }

  /** What was taken after `time`. */
  usedAfter(time: number): number {
    if (this.#count === 0) return 0;
    const before = this.#times[this.#first]! > time ? this.#base : this.#sumBefore(this.#after(time));
    return this.#sums[this.#at(this.#count)]! - before;
  }

  /** Time of the entry that must leave a window of `limit` before `cost` more fit; some entry of the window must. */
  blockedBy(limit: number, cost: number): number {
    const total = this.#sums[this.#at(this.#count)]!;
    let low = 1;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (total - this.#sums[this.#at(middle)]! + cost <= limit) high = middle;
      else low = middle + 1;
    }
    return this.#times[this.#at(low)]!;
  }

  /** Entries up to `expired` make room before the ring grows. */
  add(time: number, amount: number, expired: number): void {
    while (this.#count > 0 && this.#times[this.#at(1)]! <= expired) this.#dropOldest();
    if (this.#count === this.#times.length) this.#grow();
    const sum = this.#count === 0 ? this.#base : this.#sums[this.#at(this.#count)]!;
    this.#count++;
    const at = this.#at(this.#count);
    this.#times[at] = time;
    this.#sums[at] = sum + amount;
  }

  /** Makes what was taken at `time` smaller, as if less had been asked for. */
  refund(time: number, amount: number): void {
    const last = this.#after(time) - 1;
    if (last < 1 || this.#times[this.#at(last)] !== time) return;
    let first = last;
    while (first > 1 && this.#times[this.#at(first - 1)] === time) first--;
    const before = this.#sumBefore(first);
    const taken = this.#sums[this.#at(last)]! - before;
    const back = Math.min(amount, taken);
    for (let n = first; n <= this.#count; n++) {
      const at = this.#at(n);
      this.#sums[at] = n <= last ? Math.min(this.#sums[at]!, before + taken - back) : this.#sums[at]! - back;
    }
  }

  /** Where the n-th oldest entry is, n from 1. The ring's length is a power of two. */
  #at(n: number): number {
    return (this.#first + n - 1) & (this.#times.length - 1);
  }

  /** Number of the first entry later than `time`. */
  #after(time: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#times[this.#at(middle)]! <= time) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }

  #sumBefore(n: number): number {
    return n === 1 ? this.#base : this.#sums[this.#at(n - 1)]!;
  }

  #dropOldest(): void {
    this.#base = this.#sums[this.#first]!;
    this.#first = (this.#first + 1) & (this.#times.length - 1);
    this.#count--;
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2);
    const sums = new Float64Array(times.length);
    for (let n = 1; n <= this.#count; n++) {
      times[n - 1] = this.#times[this.#at(n)]!;
      sums[n - 1] = this.#sums[this.#at(n)]!;
    }
    this.#times = times;
    this.#sums = sums;
    this.#first = 0;
  }
}
