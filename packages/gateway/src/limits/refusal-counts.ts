const MAX_NAME_LENGTH = 200;

/** Who was refused how often since last asked. Bounded: beyond `max` names the rarest is given up for the newcomer. */
export class RefusalCounts {
  readonly #max: number;
  #counts = new Map<string, number>();

  constructor({ max }: { max: number }) {
    this.#max = max;
  }

  add(user: string): void {
    const name = user.slice(0, MAX_NAME_LENGTH);
    const count = this.#counts.get(name);
    if (count === undefined && this.#counts.size >= this.#max) this.#counts.delete(this.#rarest());
    this.#counts.set(name, (count ?? 0) + 1);
  }

  /** Everything so far; the next call begins anew. */
  drain(): ReadonlyMap<string, number> {
    const counts = this.#counts;
    this.#counts = new Map();
    return counts;
  }

  top(limit: number): { user: string; refusals: number }[] {
    return [...this.#counts]
      .map(([user, refusals]) => ({ user, refusals }))
      .sort((a, b) => b.refusals - a.refusals)
      .slice(0, limit);
  }

  #rarest(): string {
    let rarest: [string, number] = ["", Number.POSITIVE_INFINITY];
    for (const entry of this.#counts) if (entry[1] < rarest[1]) rarest = entry;
    return rarest[0];
  }
}
