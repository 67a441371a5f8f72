import {
  HISTORY_COUNTS,
  HISTORY_LATENCIES,
  HISTORY_PEAKS,
  HISTORY_RANGES,
  type HistoryPoint,
  type HistoryRange,
  type StatsHistory,
  type StatsTick,
} from "@mynah/protocol";
import type { Clock } from "../../core/clock.ts";
import type { EventBus, SegmentOutcome, SpeechEvents } from "../../core/events.ts";
import { bucketOf } from "./latency-buckets.ts";
import { Ring } from "./ring.ts";
import {
  addRow,
  COUNT_AT,
  type CountName,
  LATENCIES_AT,
  type PeakName,
  pointOf,
  ROW_LENGTH,
  raisePeaks,
} from "./row.ts";

export type HistoryOptions = {
  readonly events: EventBus;
  readonly clock: Clock;
  /** What is so now; asked once a second. */
  readonly peaksNow: () => Readonly<Record<PeakName, number>>;
  /** Per million characters, by engine; those without a price save nothing that could be told. */
  readonly prices: ReadonlyMap<string, number>;
  /** Called once a second with the points that are complete now. */
  readonly onTick?: (points: StatsTick["points"], atMs: number) => void;
};

/** One range: the time that is running, and those that are over. */
type Level = {
  readonly range: HistoryRange;
  readonly ticks: number;
  readonly ring: Ring;
  readonly running: Float64Array;
};

const TICK_MS = 1000;
const MILLION = 1_000_000;

/**
 * What this server did in the last 24 hours: each second of five minutes, ten seconds of an hour, minute of a day. About
 * 770 KiB, taken at the start, whatever happens. A listener and nothing more.
 */
export class History {
  readonly #options: HistoryOptions;
  readonly #closed = new AbortController();
  readonly #second = new Float64Array(ROW_LENGTH);
  readonly #levels: readonly Level[];
  readonly #leave: readonly (() => void)[];
  #ticks = 0;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#levels = (Object.keys(HISTORY_RANGES) as HistoryRange[]).map((range) => {
      const { stepS, points } = HISTORY_RANGES[range];
      return { range, ticks: stepS, ring: new Ring(points), running: new Float64Array(ROW_LENGTH) };
    });
    this.#leave = this.#listen(options.events);
    void this.#run();
  }

  /** What it takes of memory, always. */
  get bytes(): number {
    return this.#levels.reduce((sum, { ring, running }) => sum + ring.bytes + running.byteLength, 0);
  }

  /** All points of a range. */
  read(range: HistoryRange): StatsHistory {
    const { ring } = this.#levels.find((level) => level.range === range)!;
    const points = Object.fromEntries(NAMES.map((name) => [name, [] as (number | null)[]])) as StatsHistory["points"];
    for (const { row, atMs } of ring.rows()) {
      const point = pointOf(row, atMs);
      for (const name of NAMES) (points[name] as (number | null)[]).push(point[name]);
    }
    return { range, stepS: HISTORY_RANGES[range].stepS, points };
  }

  /** Listens no longer. */
  close(): void {
    this.#closed.abort(new Error("closed"));
    for (const leave of this.#leave) leave();
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closed;
    for (let dueMs = clock.monotonic() + TICK_MS; !signal.aborted; dueMs += TICK_MS) {
      const late = clock.monotonic() - dueMs > TICK_MS; // the machine slept, or was too busy: those seconds are lost
      if (late) dueMs = clock.monotonic();
      await clock.sleep(Math.max(0, dueMs - clock.monotonic()), signal).catch(() => {});
      if (!signal.aborted) this.#tick(clock.now());
    }
  }

  #tick(atMs: number): void {
    raisePeaks(this.#second, this.#options.peaksNow());
    this.#ticks++;
    const points: { [Range in HistoryRange]?: HistoryPoint } = {};
    for (const { range, ticks, ring, running } of this.#levels) {
      addRow(running, this.#second);
      if (this.#ticks % ticks !== 0) continue;
      ring.push(running, atMs);
      points[range] = pointOf(running, atMs);
      running.fill(0);
    }
    this.#second.fill(0);
    this.#options.onTick?.(points, atMs);
  }

  #add(name: CountName, amount = 1): void {
    this.#second[COUNT_AT[name]]! += amount;
  }

  #listen(events: EventBus): (() => void)[] {
    return [
      events.on("speech.started", ({ outcome, firstAudioMs }) => {
        const start = LATENCIES_AT[outcome === "hit" || outcome === "stale" ? "hit" : "miss"];
        this.#second[start + bucketOf(firstAudioMs)]! += 1;
      }),
      events.on("speech.delivered", ({ segments, bytes }) => {
        this.#add("delivered");
        this.#add(utteranceOf(segments));
        this.#add("sentBytes", bytes);
      }),
      events.on("speech.failed", () => this.#add("failed")),
      events.on("speech.refused", () => this.#add("refused")),
      events.on("segment.delivered", (segment) => this.#countSegment(segment)),
    ];
  }

  #countSegment({ outcome, engine, characters, bytes = 0 }: SpeechEvents["segment.delivered"]): void {
    this.#add(SEGMENT_COUNTS[outcome]);
    if (outcome === "miss") return;
    this.#add("savedBytes", bytes);
    this.#add("savedCharacters", characters);
    this.#add("savedMoney", (characters * (this.#options.prices.get(engine) ?? 0)) / MILLION);
  }
}

const NAMES = ["atMs", ...HISTORY_COUNTS, ...HISTORY_PEAKS, ...HISTORY_LATENCIES] as const;
const SEGMENT_COUNTS = { hit: "hits", miss: "misses", coalesced: "coalesced", stale: "stale" } as const;

function utteranceOf({ hit, miss, coalesced, stale }: Readonly<Record<SegmentOutcome, number>>): CountName {
  const stored = hit + stale;
  if (miss + coalesced === 0) return "utteranceHits";
  if (stored > 0) return "utterancePartials";
  return miss === 0 ? "utteranceShared" : "utteranceMisses";
}
