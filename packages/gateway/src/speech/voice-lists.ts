import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions, SpeechEngine } from "../core/ports.ts";
import { VoiceIndex } from "./voice-index.ts";

export type VoiceListsOptions = {
  readonly engines: readonly SpeechEngine[];
  readonly clock: Clock;
  /** How long an engine's own list is believed. Default: five minutes. */
  readonly listTtlMs?: number;
  /** An engine that could not be asked is asked again after so long. Default: half a minute. */
  readonly retryMs?: number;
  /** What a request may wait for a list that was never read. Default: a second. */
  readonly firstWaitMs?: number;
  /** An engine that has not listed its voices by then cannot be asked. Default: 15 seconds. */
  readonly timeoutMs?: number;
  /** Told of the first failure in a row. */
  readonly onListFailed?: (engine: string, error: unknown) => void;
  /** Some list is another one than before. */
  readonly onChanged: () => void;
};

type Entry = {
  readonly engine: SpeechEngine;
  index: VoiceIndex;
  /** What `index` was made of, to notice a change. */
  listed: string;
  /** Monotonic time from which it is asked again. */
  dueAt: number;
  loading: Promise<void> | undefined;
  /** Nobody waits for it: it has answered, has failed, or was waited for in vain. */
  settled: boolean;
  failing: boolean;
};

const FIVE_MINUTES_MS = 300_000;
const RETRY_MS = 30_000;
const FIRST_WAIT_MS = 1_000;
const TIMEOUT_MS = 15_000;

/**
 * The engines' own lists, kept here. A list that has grown old is used while a new one is fetched behind the requests,
 * and kept for as long as its engine cannot be asked. Only a list that was never read is waited for, and not for long.
 */
export class VoiceLists {
  readonly #options: VoiceListsOptions;
  readonly #entries: ReadonlyMap<SpeechEngine, Entry>;
  readonly #closed = new AbortController();

  constructor(options: VoiceListsOptions) {
    this.#options = options;
    this.#entries = new Map(options.engines.map((engine) => [engine, newEntry(engine)]));
  }

  /** What is known now; empty for an engine that has not told. */
  of(engine: SpeechEngine): VoiceIndex {
    return this.#entries.get(engine)!.index;
  }

  /** Starts to ask the engines whose lists are due; waits for none. */
  refresh(): void {
    if (this.#closed.signal.aborted) return;
    const now = this.#options.clock.monotonic();
    for (const entry of this.#entries.values()) {
      if (now >= entry.dueAt) entry.loading ??= this.#load(entry);
    }
  }

  /** Undefined if there is nothing to wait for, so that most requests need no turn of the event loop. */
  settled(engines: readonly SpeechEngine[], options: CallOptions): Promise<void> | undefined {
    const { firstWaitMs = FIRST_WAIT_MS } = this.#options;
    const unsettled = engines.map((engine) => this.#entries.get(engine)!).filter((entry) => !entry.settled);
    if (unsettled.length === 0) return undefined;
    return this.#wait(unsettled, firstWaitMs, options).then(() => {
      for (const entry of unsettled) entry.settled = true;
    });
  }

  /** Waits for all lists under way, for callers whose business the lists are. */
  complete({ waitMs, signal }: CallOptions & { readonly waitMs: number }): Promise<void> {
    this.refresh();
    const loading = [...this.#entries.values()].filter((entry) => entry.loading !== undefined);
    return this.#wait(loading, waitMs, { signal });
  }

  /** Gives up what is under way. Lists stay readable. */
  close(): void {
    this.#closed.abort(new SpeechError("shutting_down", "the voices are no longer needed"));
  }

  async #wait(entries: readonly Entry[], ms: number, { signal }: CallOptions): Promise<void> {
    signal.throwIfAborted();
    const loads = entries.flatMap(({ loading }) => loading ?? []);
    if (loads.length === 0) return;
    const timer = new AbortController();
    const ended = AbortSignal.any([timer.signal, signal]);
    const late = this.#options.clock.sleep(ms, ended);
    late.catch(() => {});
    try {
      await Promise.race([Promise.all(loads), late]);
    } finally {
      timer.abort();
    }
  }

  async #load(entry: Entry): Promise<void> {
    const { clock, listTtlMs = FIVE_MINUTES_MS, retryMs = RETRY_MS, onListFailed, onChanged } = this.#options;
    try {
      const voices = await this.#ask(entry.engine);
      const listed = JSON.stringify(voices);
      entry.dueAt = clock.monotonic() + listTtlMs;
      entry.failing = false;
      if (listed === entry.listed) return;
      entry.index = new VoiceIndex(voices, entry.engine.name);
      entry.listed = listed;
      onChanged();
    } catch (error) {
      entry.dueAt = clock.monotonic() + retryMs;
      if (!entry.failing && !this.#closed.signal.aborted) onListFailed?.(entry.engine.name, error);
      entry.failing = true;
    } finally {
      entry.settled = true;
      entry.loading = undefined;
    }
  }

  /** The engine's answer within its deadline, whether it minds its signal or not. */
  async #ask(engine: SpeechEngine) {
    const { clock, timeoutMs = TIMEOUT_MS } = this.#options;
    const answered = new AbortController();
    const asked = new AbortController();
    const late = clock.sleep(timeoutMs, AbortSignal.any([answered.signal, this.#closed.signal])).then(() => {
      throw new SpeechError("engine_timeout", `${engine.name} did not list its voices in time`, {
        engine: engine.name,
      });
    });
    late.catch((reason: unknown) => asked.abort(reason));
    try {
      const voices = await Promise.race([engine.voices({ signal: asked.signal }), late]);
      if (Array.isArray(voices)) return voices;
      throw new SpeechError("engine_failed", `${engine.name} listed no voices`, { engine: engine.name });
    } finally {
      answered.abort();
    }
  }
}

function newEntry(engine: SpeechEngine): Entry {
  return {
    engine,
    index: new VoiceIndex([], engine.name),
    listed: "[]",
    dueAt: Number.NEGATIVE_INFINITY,
    loading: undefined,
    settled: false,
    failing: false,
  };
}
