import type { Soon } from "../core/async.ts";
import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import { parseLanguage } from "../core/language-tag.ts";
import type { CallOptions, SpeechEngine } from "../core/ports.ts";
import type { Voice, VoiceTraits } from "../core/voice.ts";
import { OPENAI_VOICES } from "./known-voices.ts";
import { nearestNames } from "./nearest-names.ts";
import { AliasBook, type VoiceAlias, type VoiceAliases } from "./voice-aliases.ts";
import { folded, MAX_NAME_CHARS } from "./voice-index.ts";
import { VoiceLists, type VoiceListsOptions } from "./voice-lists.ts";
import { passes, type VoiceFilter } from "./voice-match.ts";
import { type Candidate, type KnownVoices, resolveVoice } from "./voice-resolve.ts";

export type { Candidate } from "./voice-resolve.ts";

export type VoiceQuery = {
  /** Absent: any voice that is like `traits`. */
  readonly voice?: string;
  readonly traits?: VoiceTraits;
  readonly model?: string;
  readonly language?: string;
};

export type VoiceCatalogueOptions = Omit<VoiceListsOptions, "onChanged"> & {
  /** In order of preference. */
  readonly engines: readonly SpeechEngine[];
  /** What callers say → what each engine says, or what it should sound like. */
  readonly aliases: VoiceAliases;
  readonly clock: Clock;
};

/** `tts-1`, `gpt-4o-mini-tts-2025-03-20` and whatever follows them: clients send these, and mean "speak". */
const OPENAI_MODEL = /^(tts|gpt)-[a-z0-9.-]+$/i;

/** Bounds of the memory of `resolve`: far more than the voices that anybody uses at a time. */
const MAX_RESOLVED = 1_000;
const MAX_MEMO_CHARS = 1_000;
const SHOWN_NAME_CHARS = 80;

/** One catalogue over all engines: lists their voices, and finds out who could speak as whom. */
export class VoiceCatalogue {
  readonly engines: readonly SpeechEngine[];
  readonly #aliases: AliasBook;
  readonly #lists: VoiceLists;
  /** Answers of `resolve` and of `nameOf` for the lists as they are; dropped when one of them changes. */
  readonly #resolved = new Map<string, readonly Candidate[]>();
  readonly #names = new Map<Voice, string>();

  constructor({ aliases, ...options }: VoiceCatalogueOptions) {
    this.engines = options.engines;
    this.#aliases = new AliasBook(aliases);
    this.#lists = new VoiceLists({
      ...options,
      onChanged: () => {
        this.#resolved.clear();
        this.#names.clear();
      },
    });
  }

  /** The configured names, as they are written. */
  get aliases(): readonly VoiceAlias[] {
    return this.#aliases.all;
  }

  /**
   * Every voice that passes, best engine first. An engine that cannot be asked has none, or its last known ones; one that
   * was never asked is waited for, not long unless told so by `waitMs`.
   */
  async list({
    signal,
    waitMs,
    ...filter
  }: CallOptions & VoiceFilter & { readonly waitMs?: number }): Promise<Voice[]> {
    if (waitMs !== undefined) await this.#lists.complete({ signal, waitMs });
    this.#lists.refresh();
    await this.#lists.settled(this.engines, { signal });
    const all = this.engines.flatMap((engine) => this.#lists.of(engine).all);
    return all.map(({ voice }) => voice).filter((voice) => passes(voice, filter));
  }

  /** What to send as `voice` so that this one of the list speaks: its id, or `engine/id` where the id means more. */
  nameOf(voice: Voice): string {
    const known = this.#names.get(voice);
    if (known !== undefined) return known;
    const name = this.#means(voice) ? voice.id : `${voice.engine}/${voice.id}`;
    this.#names.set(voice, name);
    return name;
  }

  /**
   * Who could speak this, best first: engines that have the voice, then engines with one like it. The same array for the
   * same question as long as the lists are the same. Throws `model_not_found` or `voice_not_found`, naming the parameter.
   */
  resolve(query: VoiceQuery, options: CallOptions): Soon<readonly Candidate[]> {
    this.#lists.refresh();
    const memo = memoOf(query);
    return this.#resolved.get(memo) ?? this.#resolve(query, memo, options);
  }

  async #resolve(query: VoiceQuery, memo: string, options: CallOptions): Promise<readonly Candidate[]> {
    const { engines, name, prefix } = this.#asked(query);
    await this.#lists.settled(engines, options);
    const { language, traits } = query;
    const able =
      name.length > MAX_NAME_CHARS
        ? []
        : resolveVoice({ name, language, traits, literal: prefix !== undefined }, this.#known(engines));
    if (able.length === 0) throw this.#notFound(name, engines, prefix);
    const candidates = able.map((candidate) => ({ ...candidate, ...this.#passedModel(candidate, query.model) }));
    if (memo.length > MAX_MEMO_CHARS) return candidates;
    if (this.#resolved.size >= MAX_RESOLVED) this.#resolved.clear();
    this.#resolved.set(memo, candidates);
    return candidates;
  }

  /** Primary subtags of all languages that the engines for this model speak; undefined: any, as far as is known. */
  spokenLanguages(model: string | undefined): readonly string[] | undefined {
    const all = new Set<string>();
    for (const engine of this.#enginesFor(model)) {
      const { all: listed } = this.#lists.of(engine);
      if (listed.length === 0 || engine.capabilities.language === "text") return undefined;
      for (const { language } of listed.flatMap(({ tags }) => tags)) all.add(language);
    }
    return all.has("mul") ? undefined : [...all];
  }

  /** What its engine tells of a candidate's voice, if that is known. */
  voiceOf({ engine, voice }: Candidate): Voice | undefined {
    return this.#lists.of(engine).get(voice)?.voice;
  }

  /** Ends what is being asked of engines. */
  close(): void {
    this.#lists.close();
  }

  /** Which engines are meant, and what is left of the name: `engine/voice` is for that engine alone. */
  #asked({ voice = "", model }: VoiceQuery): { engines: readonly SpeechEngine[]; name: string; prefix?: string } {
    const engines = this.#enginesFor(model);
    const slash = voice.indexOf("/");
    const prefixed = slash > 0 ? named(engines, voice.slice(0, slash)) : undefined;
    if (prefixed === undefined) return { engines, name: voice.trim() };
    return { engines: [prefixed], name: voice.slice(slash + 1).trim(), prefix: prefixed.name };
  }

  #enginesFor(model: string | undefined): readonly SpeechEngine[] {
    if (model === undefined || model === "auto") return this.engines;
    const chosen = model.split(",").map((name) => named(this.engines, name.trim()));
    if (chosen.every((engine) => engine !== undefined)) return [...new Set(chosen)];
    if (OPENAI_MODEL.test(model)) return this.engines;
    const known = ["auto", ...this.engines.map(({ name }) => name)].join(", ");
    throw new SpeechError(
      "model_not_found",
      `no engine answers to the model "${model.slice(0, SHOWN_NAME_CHARS)}"; known: ${known} and OpenAI's names`,
      { param: "model" },
    );
  }

  /** A name of OpenAI's that is not one of our engines', for an engine that wants it. */
  #passedModel({ engine }: Candidate, model: string | undefined): { model?: string } {
    if (!engine.capabilities.passesModel || model === undefined || !OPENAI_MODEL.test(model)) return {};
    return named(this.engines, model) === undefined ? { model } : {};
  }

  #known(engines: readonly SpeechEngine[]): KnownVoices {
    return { engines, aliases: this.#aliases, indexOf: (engine) => this.#lists.of(engine) };
  }

  /** Whether the voice's id alone leads to it. */
  #means({ id, engine }: Voice): boolean {
    const { engines, name, prefix } = this.#asked({ voice: id });
    if (prefix !== undefined) return false;
    const owners = engines.filter((other) => this.#lists.of(other).find(name) !== undefined);
    if (owners.length === 1 && !this.#hasOtherMeaning(name)) return true;
    const [first] = resolveVoice({ name }, this.#known(engines));
    return first?.engine.name === engine && first.voice === id;
  }

  /** Cheap, and true more often than need be: then `resolveVoice` decides. */
  #hasOtherMeaning(name: string): boolean {
    return (
      this.#aliases.find(name) !== undefined || OPENAI_VOICES.has(folded(name)) || parseLanguage(name) !== undefined
    );
  }

  #notFound(name: string, engines: readonly SpeechEngine[], prefix: string | undefined): SpeechError {
    const ids = engines.flatMap((engine) => this.#lists.of(engine).all.map(({ voice }) => voice.id));
    const near = nearestNames(name, [...this.aliases.map((alias) => alias.name), ...OPENAI_VOICES.keys(), ...ids]);
    const hint = near.length === 0 ? "" : `; did you mean ${near.map((other) => JSON.stringify(other)).join(", ")}?`;
    const who = prefix === undefined ? "no engine has" : `the engine ${prefix} does not have`;
    return new SpeechError(
      "voice_not_found",
      `${who} a voice ${JSON.stringify(name.slice(0, SHOWN_NAME_CHARS))}${hint || ";"} GET /v1/audio/voices lists them`,
      { param: "voice" },
    );
  }
}

function named(engines: readonly SpeechEngine[], name: string): SpeechEngine | undefined {
  return (
    engines.find((engine) => engine.name === name) ?? engines.find((engine) => folded(engine.name) === folded(name))
  );
}

/** One string for one question: lengths tell where a part ends, whatever it holds, and what is absent has none. */
function memoOf({ voice = "", traits, model, language }: VoiceQuery): string {
  const like = traits === undefined ? "" : JSON.stringify(traits);
  return `${voice.length} ${model?.length} ${language?.length} ${voice}${model}${language}${like}`;
}
