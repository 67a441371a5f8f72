import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions, SpeechEngine } from "../core/ports.ts";
import type { Gender, Voice } from "../core/voice.ts";

/** What callers say → engine name → what that engine says. */
export type VoiceAliases = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** An engine that could speak, with its own voice id, and the caller's model where the engine wants to know it. */
export type Candidate = { readonly engine: SpeechEngine; readonly voice: string; readonly model?: string };

export type VoiceQuery = { readonly voice: string; readonly model?: string; readonly language?: string };

export type VoiceCatalogueOptions = {
  /** In order of preference. */
  readonly engines: readonly SpeechEngine[];
  readonly aliases: VoiceAliases;
  readonly clock: Clock;
  /** How long an engine's own list is believed. */
  readonly listTtlMs?: number;
  readonly onListFailed?: (engine: string, error: unknown) => void;
};

/** OpenAI's thirteen voices by how they sound; any engine can stand in for them. */
const OPENAI_VOICES: Readonly<Record<string, Gender>> = {
  alloy: "female",
  ash: "male",
  ballad: "male",
  cedar: "male",
  coral: "female",
  echo: "male",
  fable: "male",
  marin: "female",
  nova: "female",
  onyx: "male",
  sage: "female",
  shimmer: "female",
  verse: "male",
};

/** `tts-1`, `gpt-4o-mini-tts-2025-03-20` and whatever follows them: clients send these, and mean "speak". */
const OPENAI_MODEL = /^(tts|gpt)-[a-z0-9.-]+$/i;

/** Engines list their best voices first, so stand-ins are taken from the first few of a gender. */
const STAND_INS_PER_GENDER = 2;

/** Bound of the memory of `resolve`: far more than the voices that anybody uses at a time. */
const MAX_RESOLVED = 1_000;

type EngineVoices = { readonly voices: readonly Voice[]; readonly fetchedAt: number };

/** One catalogue over all engines: lists their voices, and finds out who could speak as whom. */
export class VoiceCatalogue {
  readonly #options: VoiceCatalogueOptions;
  readonly #lists = new Map<string, EngineVoices>();
  readonly #loading = new Map<string, Promise<readonly Voice[]>>();
  /** Answers of `resolve` for the lists as they are; dropped when one of them is read again. */
  readonly #resolved = new Map<string, readonly Candidate[]>();

  constructor(options: VoiceCatalogueOptions) {
    this.#options = options;
  }

  get engines(): readonly SpeechEngine[] {
    return this.#options.engines;
  }

  get aliases(): VoiceAliases {
    return this.#options.aliases;
  }

  /** Every voice of every engine, best engine first. An engine that cannot be asked has none, or its last known ones. */
  async list(options: CallOptions): Promise<Voice[]> {
    return (await Promise.all(this.engines.map((engine) => this.#voicesOf(engine, options)))).flat();
  }

  /** Names accepted as `voice` beside the engines' own: aliases and OpenAI's. */
  genericNames(): string[] {
    return [...new Set([...Object.keys(this.aliases), ...Object.keys(OPENAI_VOICES)])];
  }

  /**
   * Who could speak this, best first: engines that have the voice, then engines with one like it.
   * Throws `model_not_found` or `voice_not_found`, naming the parameter.
   */
  async resolve(query: VoiceQuery, options: CallOptions): Promise<readonly Candidate[]> {
    const fresh = this.engines.every((engine) => this.#isFresh(engine));
    const memo = JSON.stringify([query.voice, query.model, query.language]);
    const known = fresh ? this.#resolved.get(memo) : undefined;
    if (known !== undefined) return known;
    const candidates = await this.#resolve(query, options);
    if (this.#resolved.size >= MAX_RESOLVED) this.#resolved.clear();
    this.#resolved.set(memo, candidates);
    return candidates;
  }

  async #resolve(query: VoiceQuery, options: CallOptions): Promise<readonly Candidate[]> {
    let engines = this.#enginesFor(query.model);
    let { voice } = query;
    const slash = voice.indexOf("/");
    const prefixed = slash > 0 ? engines.find((engine) => engine.name === voice.slice(0, slash)) : undefined;
    if (prefixed !== undefined) {
      engines = [prefixed];
      voice = voice.slice(slash + 1);
    }
    const lists = await Promise.all(engines.map((engine) => this.#voicesOf(engine, options)));
    const own = engines.map((engine, at) => this.#ownVoice(engine, voice, lists[at]!, query.language));
    const model = lists.flatMap((list, at) => list.find(({ id }) => id === own[at]) ?? [])[0];
    if (own.every((id) => id === undefined)) {
      throw new SpeechError(
        "voice_not_found",
        `no engine has a voice "${voice.slice(0, 80)}"; GET /v1/audio/voices lists them`,
        { param: "voice" },
      );
    }
    const likely = engines.map((_, at) => own[at] ?? (model && standIn(lists[at]!, model.gender, model.language, 0)));
    const order = [...engines.keys()].sort(
      (a, b) => Number(own[a] === undefined) - Number(own[b] === undefined) || a - b,
    );
    return order.flatMap((at) => {
      const [engine, id] = [engines[at]!, likely[at]];
      return id === undefined ? [] : [{ engine, voice: id, ...this.#passedModel(engine, query.model) }];
    });
  }

  /** A name of OpenAI's that is not one of our engines', for an engine that wants it. */
  #passedModel({ capabilities }: SpeechEngine, model: string | undefined): { model?: string } {
    if (!capabilities.passesModel || model === undefined || !OPENAI_MODEL.test(model)) return {};
    return this.engines.some(({ name }) => name === model) ? {} : { model };
  }

  #enginesFor(model: string | undefined): readonly SpeechEngine[] {
    if (model === undefined || model === "auto") return this.engines;
    const names = model.split(",").map((name) => name.trim());
    const named = names.map((name) => this.engines.find((engine) => engine.name === name));
    if (named.every((engine) => engine !== undefined)) return [...new Set(named)];
    if (OPENAI_MODEL.test(model)) return this.engines;
    const known = ["auto", ...this.engines.map(({ name }) => name)].join(", ");
    throw new SpeechError(
      "model_not_found",
      `no engine answers to the model "${model.slice(0, 80)}"; known: ${known} and OpenAI's names`,
      { param: "model" },
    );
  }

  /** What this engine calls the voice; undefined where it has nothing of the sort. */
  #ownVoice(
    engine: SpeechEngine,
    voice: string,
    list: readonly Voice[],
    language: string | undefined,
  ): string | undefined {
    const alias = Object.hasOwn(this.aliases, voice) ? this.aliases[voice]?.[engine.name] : undefined;
    if (alias !== undefined) return alias;
    if (list.length === 0) return voice; // an engine without a list is asked and may refuse
    if (list.some(({ id }) => id === voice)) return voice;
    if (!Object.hasOwn(OPENAI_VOICES, voice)) return undefined;
    const gender = OPENAI_VOICES[voice]!;
    const rank = Object.keys(OPENAI_VOICES)
      .filter((name) => OPENAI_VOICES[name] === gender)
      .indexOf(voice);
    return standIn(list, gender, language ?? "en", rank);
  }

  async #voicesOf(engine: SpeechEngine, options: CallOptions): Promise<readonly Voice[]> {
    const known = this.#lists.get(engine.name);
    if (known !== undefined && this.#isFresh(engine)) return known.voices;
    const loading = this.#loading.get(engine.name) ?? this.#load(engine, known?.voices ?? [], options);
    this.#loading.set(engine.name, loading);
    return loading.finally(() => this.#loading.delete(engine.name));
  }

  #isFresh({ name }: SpeechEngine): boolean {
    const { clock, listTtlMs = 300_000 } = this.#options;
    const known = this.#lists.get(name);
    return known !== undefined && clock.monotonic() - known.fetchedAt < listTtlMs;
  }

  async #load(engine: SpeechEngine, last: readonly Voice[], options: CallOptions): Promise<readonly Voice[]> {
    const voices = await engine.voices(options).catch((error: unknown) => {
      options.signal.throwIfAborted();
      this.#options.onListFailed?.(engine.name, error);
      return last;
    });
    this.#resolved.clear();
    this.#lists.set(engine.name, { voices, fetchedAt: this.#options.clock.monotonic() });
    return voices;
  }
}

/** A voice of this gender and language, else of this language, else any. */
function standIn(
  list: readonly Voice[],
  gender: Gender | undefined,
  language: string,
  rank: number,
): string | undefined {
  const primary = language.split("-")[0]!.toLowerCase();
  const speaking = list.filter((voice) => voice.language.toLowerCase().split("-")[0] === primary);
  const pool = speaking.length > 0 ? speaking : list;
  const alike = pool.filter((voice) => voice.gender === gender);
  const best = (alike.length > 0 ? alike : pool).slice(0, STAND_INS_PER_GENDER);
  return best[rank % best.length]?.id;
}
