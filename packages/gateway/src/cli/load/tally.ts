import { Histogram } from "./histogram.ts";

/** How one request ended; times are ms from the moment at which it was to start. */
export type Ended =
  | {
      readonly ok: true;
      readonly hit: boolean;
      readonly firstAudioMs: number;
      readonly wholeMs: number;
      readonly bytes: number;
    }
  | { readonly ok: false; readonly code: string };

/** What happened in one stretch of time, by when requests were to start. */
export type Stretch = {
  readonly fromS: number;
  sent: number;
  hits: number;
  misses: number;
  refused: number;
  errors: number;
  slowestMs: number;
  sumMs: number;
};

/** Most stretches that are kept; a longer run has longer ones. */
const MAX_STRETCHES = 600;
/** What is answered with 429: limits that do their work, and no error of the server's. */
const REFUSALS: ReadonlySet<string> = new Set([
  ...["rate_limit_exceeded", "too_many_utterances", "too_many_sockets", "too_many_failures", "http_429"],
]);
const MAX_CODES = 50;

/** Everything that a load run tells, in memory that does not grow with it. */
export class Tally {
  readonly hits = new Histogram();
  readonly misses = new Histogram();
  readonly firstAudio = new Histogram();
  readonly whole = new Histogram();
  /** How late requests were sent because this program was busy: not the server's fault. */
  readonly lateness = new Histogram();
  readonly errors = new Map<string, number>();
  readonly refusals = new Map<string, number>();
  sent = 0;
  bytes = 0;
  mostWaiting = 0;
  #stretchS = 1;
  #stretches: Stretch[] = [];

  get ok(): number {
    return this.firstAudio.count;
  }
  get failed(): number {
    return sumOf(this.errors);
  }
  get refused(): number {
    return sumOf(this.refusals);
  }
  get hitRate(): number {
    return this.ok === 0 ? 0 : this.hits.count / this.ok;
  }
  get ended(): number {
    return this.ok + this.refused + this.failed;
  }
  get stretches(): readonly Readonly<Stretch>[] {
    return this.#stretches;
  }
  get stretchS(): number {
    return this.#stretchS;
  }

  started(atMs: number, lateMs: number): void {
    this.sent++;
    this.lateness.add(lateMs);
    this.#stretchAt(atMs).sent++;
  }

  end(atMs: number, ended: Ended): void {
    const stretch = this.#stretchAt(atMs);
    if (!ended.ok) {
      const refused = REFUSALS.has(ended.code);
      stretch[refused ? "refused" : "errors"]++;
      const codes = refused ? this.refusals : this.errors;
      const code = codes.has(ended.code) || codes.size < MAX_CODES ? ended.code : "others";
      codes.set(code, (codes.get(code) ?? 0) + 1);
      return;
    }
    const { hit, firstAudioMs, wholeMs, bytes } = ended;
    (hit ? this.hits : this.misses).add(firstAudioMs);
    this.firstAudio.add(firstAudioMs);
    this.whole.add(wholeMs);
    this.bytes += bytes;
    if (hit) stretch.hits++;
    else stretch.misses++;
    stretch.sumMs += firstAudioMs;
    stretch.slowestMs = Math.max(stretch.slowestMs, firstAudioMs);
  }

  #stretchAt(atMs: number): Stretch {
    while (atMs / 1000 / this.#stretchS >= MAX_STRETCHES) this.#double();
    const at = Math.floor(atMs / 1000 / this.#stretchS);
    while (this.#stretches.length <= at) this.#stretches.push(empty(this.#stretches.length * this.#stretchS));
    return this.#stretches[at]!;
  }

  #double(): void {
    this.#stretchS *= 2;
    const pairs: Stretch[] = [];
    for (let at = 0; at < this.#stretches.length; at += 2) {
      const [first, second = empty(0)] = this.#stretches.slice(at, at + 2);
      pairs.push(joined(first!, second));
    }
    this.#stretches = pairs;
  }
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function empty(fromS: number): Stretch {
  return { fromS, sent: 0, hits: 0, misses: 0, refused: 0, errors: 0, slowestMs: 0, sumMs: 0 };
}

function joined(a: Stretch, b: Stretch): Stretch {
  return {
    fromS: a.fromS,
    sent: a.sent + b.sent,
    hits: a.hits + b.hits,
    misses: a.misses + b.misses,
    refused: a.refused + b.refused,
    errors: a.errors + b.errors,
    slowestMs: Math.max(a.slowestMs, b.slowestMs),
    sumMs: a.sumMs + b.sumMs,
  };
}
