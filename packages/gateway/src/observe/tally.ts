import type { LabelValues, MetricSpec } from "./metric-table.ts";

/** The values of labels that only the configuration knows. */
export type ConfiguredLabels = Readonly<Record<Exclude<LabelValues, readonly string[]>, readonly string[]>>;

type Series = { readonly labels: Readonly<Record<string, string>>; sum: number };

/** What a label says when its value is none of those that it may have: one series more, however many such values come. */
const OTHER = "other";

/**
 * Sums by label values. Adding happens on the path of a request, and so is a few additions of plain numbers, a tenth of
 * what a metrics library takes; the text is made when somebody scrapes.
 */
export class Tally {
  readonly #names: readonly string[];
  readonly #allowed: readonly ReadonlySet<string>[];
  /** By the first label, then by the second. */
  readonly #series = new Map<string, Map<string, Series>>();

  constructor({ labels = {}, sparse }: MetricSpec, configured: ConfiguredLabels) {
    const values = Object.values(labels).map((of) => (typeof of === "string" ? configured[of] : of));
    this.#names = Object.keys(labels);
    this.#allowed = values.map((of) => new Set(of));
    if (!sparse) for (const combination of combinations(values)) this.#at(...combination);
  }

  /** One value for each label, in the table's order; two labels at most. Makes no garbage. */
  add(amount: number, first = "", second = ""): void {
    const series = this.#series.get(first)?.get(second) ?? this.#at(this.#bounded(first, 0), this.#bounded(second, 1));
    series.sum += amount;
  }

  /** The sum under these values of the labels. */
  of(first = "", second = ""): number {
    return this.#series.get(first)?.get(second)?.sum ?? 0;
  }

  *series(): Generator<Readonly<Series>> {
    for (const within of this.#series.values()) yield* within.values();
  }

  #at(first = "", second = ""): Series {
    const within = this.#series.get(first) ?? new Map<string, Series>();
    this.#series.set(first, within);
    const known = within.get(second);
    if (known !== undefined) return known;
    const labels = Object.fromEntries(this.#names.map((name, at) => [name, at === 0 ? first : second]));
    const series: Series = { labels, sum: 0 };
    within.set(second, series);
    return series;
  }

  #bounded(value: string, at: number): string {
    const allowed = this.#allowed[at];
    if (allowed === undefined) return "";
    return allowed.has(value) ? value : OTHER;
  }
}

function combinations(values: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return values.reduce<readonly (readonly string[])[]>(
    (all, next) => all.flatMap((row) => next.map((value) => [...row, value])),
    [[]],
  );
}
