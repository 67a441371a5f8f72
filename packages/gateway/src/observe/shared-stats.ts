import type { Clock } from "../core/clock.ts";
import type { CallOptions } from "../core/ports.ts";
import type { Counters } from "./stats.ts";

type Batch = { readonly number: number; readonly counts: Readonly<Record<string, number>> };
/** Where counters of all servers are added up; `RedisStats` in the gateway. */
export type StatsSink = {
  /** Adds once, however often the same number is sent. */
  add(batch: Batch, options: CallOptions): Promise<void>;
  read(options: CallOptions): Promise<Readonly<Record<string, number>>>;
};

export type SharedStatsOptions = {
  readonly counters: Readonly<Counters>;
  readonly sink: StatsSink;
  readonly clock: Clock;
  /** Default 1000. */
  readonly flushEveryMs?: number;
};

/** The names in Redis, which people of the original system know. Append only: dashboards read them. */
const FIELDS = {
  hits: "hits",
  misses: "misses",
  coalesced: "coalesced",
  stale: "stale",
  transcoded: "transcoded",
  total_cached: "stored",
  bytes_saved: "savedBytes",
  characters_saved: "savedCharacters",
  audio_ms_saved: "savedAudioMs",
  syntheses: "synthesesStarted",
  syntheses_failed: "synthesesFailed",
  delivered: "delivered",
  failed: "failed",
  refused: "refused",
} as const satisfies Record<string, keyof Counters>;
type Field = keyof typeof FIELDS;

/** Ticks between two looks at the sums. */
const READ_EVERY_TICKS = 3;

/**
 * Adds this server's counters to those of all others, one command a second and none when nothing happened. What could
 * not be delivered is kept and sent later; a batch whose answer was lost is sent again under its number.
 */
export class SharedStats {
  readonly #options: SharedStatsOptions;
  readonly #closed = new AbortController();
  readonly #sent: Record<Field, number>;
  readonly #loop: Promise<void>;
  #pending: Batch | undefined;
  #number = 0;
  #sums: Readonly<Record<string, number>> | undefined;

  constructor(options: SharedStatsOptions) {
    this.#options = options;
    this.#sent = wholeCounts(options.counters);
    this.#loop = this.#run();
  }

  /** The sums over all servers, a few seconds old at most while the sink answers; undefined before its first answer. */
  get sums(): Readonly<Record<string, number>> | undefined {
    return this.#sums;
  }

  /** Sends what is left, if the sink can be reached. */
  async close(): Promise<void> {
    this.#closed.abort(new Error("closed"));
    await this.#loop;
    await this.#flush();
    await this.#flush(); // the first may have been one that was waiting
  }

  async #run(): Promise<void> {
    const { clock, flushEveryMs = 1000 } = this.#options;
    const { signal } = this.#closed;
    for (let tick = 0; !signal.aborted; tick++) {
      await this.#flush();
      if (tick % READ_EVERY_TICKS === 0) await this.#look();
      await clock.sleep(flushEveryMs, signal).catch(() => {});
    }
  }

  async #flush(): Promise<void> {
    this.#pending ??= this.#news();
    if (this.#pending === undefined) return;
    const { signal } = new AbortController();
    await this.#options.sink.add(this.#pending, { signal }).then(
      () => {
        this.#pending = undefined;
      },
      () => {}, // kept for the next time; the outage itself is told by others
    );
  }

  async #look(): Promise<void> {
    const { signal } = this.#closed;
    await this.#options.sink.read({ signal }).then(
      (sums) => {
        this.#sums = sums;
      },
      () => {},
    );
  }

  #news(): Batch | undefined {
    const now = wholeCounts(this.#options.counters);
    const changed = (Object.keys(FIELDS) as Field[]).filter((field) => now[field] !== this.#sent[field]);
    if (changed.length === 0) return undefined;
    const counts = Object.fromEntries(changed.map((field) => [field, now[field] - this.#sent[field]]));
    Object.assign(this.#sent, now);
    return { number: ++this.#number, counts };
  }
}

function wholeCounts(counters: Readonly<Counters>): Record<Field, number> {
  const entries = Object.entries(FIELDS).map(([field, counter]) => [field, Math.floor(counters[counter])]);
  return Object.fromEntries(entries) as Record<Field, number>;
}
