import type { Clock } from "../core/clock.ts";
import type { Cost, Subject } from "../core/quota.ts";
import type { PastAdmission } from "./redis-rate-limiter.ts";

type Entry = { readonly atMs: number; cost: Cost };
export type JournalPage = { readonly subject: Subject; readonly entries: Entry[] };

/**
 * What was admitted while Redis could not be asked, so that it can be told afterwards. Bounded: beyond `max` the oldest
 * subject's page is torn out, and its admissions are forgiven.
 */
export class OutageJournal {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #pages = new Map<string, JournalPage>();
  #entries = 0;

  constructor({ clock, max }: { clock: Clock; max: number }) {
    this.#clock = clock;
    this.#max = max;
  }

  get size(): number {
    return this.#entries;
  }

  has(key: string): boolean {
    return this.#pages.has(key);
  }

  keys(): string[] {
    return [...this.#pages.keys()];
  }

  /** The returned function makes the entry smaller by characters that were given back. */
  add(key: string, subject: Subject, cost: Cost): (characters: number) => void {
    const page = this.#pages.get(key) ?? { subject, entries: [] };
    this.#pages.set(key, page);
    const entry: Entry = { atMs: this.#clock.monotonic(), cost };
    page.entries.push(entry);
    this.#entries++;
    if (this.#entries > this.#max) this.remove(this.#pages.keys().next().value!);
    return (characters) => {
      entry.cost = { ...entry.cost, characters: Math.max(0, entry.cost.characters - characters) };
    };
  }

  /** Takes a page out. */
  remove(key: string): JournalPage | undefined {
    const page = this.#pages.get(key);
    if (page === undefined) return undefined;
    this.#pages.delete(key);
    this.#entries -= page.entries.length;
    return page;
  }

  /** Puts a page back that could not be told after all. */
  restore(key: string, { subject, entries }: JournalPage): void {
    const since = this.#pages.get(key)?.entries ?? [];
    this.#pages.set(key, { subject, entries: [...entries, ...since] });
    this.#entries += entries.length;
  }

  ages({ entries }: JournalPage): PastAdmission[] {
    const now = this.#clock.monotonic();
    return entries.map(({ atMs, cost }) => ({ ageMs: now - atMs, cost }));
  }
}
