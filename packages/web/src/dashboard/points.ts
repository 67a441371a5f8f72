import { HISTORY_RANGES, type HistoryPoint, type HistoryRange, type StatsHistory } from "@mynah/protocol";

export type Column = keyof HistoryPoint;

/** The points of one range, as arrays that move on by one with each new point. */
export class Points {
  readonly range: HistoryRange;
  readonly stepS: number;
  readonly #columns: StatsHistory["points"];

  constructor({ range, stepS, points }: StatsHistory) {
    this.range = range;
    this.stepS = stepS;
    this.#columns = points;
  }

  /** Adds the newest; the oldest goes when there are as many as the gateway keeps. */
  push(point: HistoryPoint): void {
    const last = this.#columns.atMs.at(-1);
    if (last !== undefined && point.atMs <= last) return; // was in the history already
    const full = this.#columns.atMs.length >= HISTORY_RANGES[this.range].points;
    for (const [name, values] of Object.entries(this.#columns) as [Column, (number | null)[]][]) {
      if (full) values.shift();
      values.push(point[name]);
    }
  }

  get length(): number {
    return this.#columns.atMs.length;
  }

  of(name: Column): readonly (number | null)[] {
    return this.#columns[name];
  }

  /** Of a count, over the last `count` points, or all. */
  sum(name: Column, count = this.length): number {
    return this.of(name)
      .slice(-count)
      .reduce<number>((sum, value) => sum + (value ?? 0), 0);
  }

  /** Per second, evened out over a few points where they are as short as a second. */
  rate(...names: readonly Column[]): number[] {
    return this.#rolling(names).map((sum) => sum / this.stepS / this.#window);
  }

  /** One count's share of several, 0 to 100; null where there was nothing. */
  share(of: readonly Column[], all: readonly Column[]): (number | null)[] {
    const whole = this.#rolling(all);
    return this.#rolling(of).map((part, at) => (whole[at] ? (part / whole[at]) * 100 : null));
  }

  get #window(): number {
    return this.stepS === 1 ? 5 : 1;
  }

  /** Sums of the last points up to each one. */
  #rolling(names: readonly Column[]): number[] {
    const columns = names.map((name) => this.of(name));
    const sums = this.of("atMs").map((_, at) => columns.reduce((sum, column) => sum + (column[at] ?? 0), 0));
    let sum = 0;
    return sums.map((value, at) => {
      sum += value - (at >= this.#window ? (sums[at - this.#window] ?? 0) : 0);
      return Math.max(0, sum);
    });
  }
}
