import { AdmissionLog } from "./admission-log.ts";

/** What one user or one tenant took. */
export class SubjectLog {
  readonly requests = new AdmissionLog();
  #characters: AdmissionLog | undefined;
  streams = 0;
  /** From then on it says nothing any more. */
  idleAt = 0;
  /** When it was last moved to the end. */
  movedAt = Number.NEGATIVE_INFINITY;

  /** Made when it is needed: most have no limit on characters. */
  get characters(): AdmissionLog {
    this.#characters ??= new AdmissionLog();
    return this.#characters;
  }
}

/** Moving a log takes longer than everything else that an admission does. */
const MOVE_EVERY_US = 1_000_000;

/** Logs by key, in the order of their last admission to about a second, so that idle ones are in front. */
export class SubjectLogs {
  readonly #logs = new Map<string, SubjectLog>();
  readonly #maxSubjects: number;

  constructor(maxSubjects: number) {
    this.#maxSubjects = maxSubjects;
  }

  get(key: string): SubjectLog | undefined {
    return this.#logs.get(key);
  }

  /** The log, now among the youngest, made if there was none. */
  touch(key: string, { now, idleAt }: { readonly now: number; readonly idleAt: number }): SubjectLog {
    const log = this.#logs.get(key) ?? new SubjectLog();
    log.idleAt = idleAt;
    if (now - log.movedAt < MOVE_EVERY_US) return log;
    log.movedAt = now;
    this.#logs.delete(key);
    this.#logs.set(key, log);
    return log;
  }

  delete(key: string): void {
    this.#logs.delete(key);
  }

  /** At most four a call, while a call adds at most two: amortised O(1), and a quiet crowd still drains. */
  forgetIdle(now: number): void {
    let budget = 4;
    for (const [key, log] of this.#logs) {
      if (budget-- === 0 || log.idleAt > now || log.streams > 0) return;
      this.#logs.delete(key);
    }
  }

  /** Forgets the oldest beyond the bound. */
  trim(): void {
    while (this.#logs.size > this.#maxSubjects) this.#logs.delete(this.#logs.keys().next().value!);
  }

  clear(): void {
    this.#logs.clear();
  }
}
