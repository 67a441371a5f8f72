import { sameFormat } from "../core/audio-format.ts";
import { SpeechError } from "../core/errors.ts";
import type { SynthesisRequest } from "../core/ports.ts";
import { type Notice, type Pronunciation, type Rest, SCRIPT_BOUNDS, type Script } from "../core/script.ts";
import { DEFAULT_CLEANING } from "../core/text/clean/cleaning.ts";
import { cleanText, TextCleaner } from "../core/text/clean/text-cleaner.ts";
import { isSpeakable, prepareText } from "../core/text/prepare.ts";
import { splitSegments } from "../core/text/segment.ts";
import type { TextRules } from "../core/text/text-rules.ts";
import type { Utterance } from "../core/utterance.ts";
import type { Cast } from "./casting.ts";
import { cutSpan } from "./cut-span.ts";
import type { Segment } from "./engine-chain.ts";
import { AUTO_LANGUAGE, type Routed } from "./language-router.ts";
import { asWrittenNotice, phonemic } from "./phonemic.ts";
import { pronounced } from "./pronounced.ts";
import { requireLanguage, speaksLanguage, type VoiceOf } from "./spoken-language.ts";
import { heededBy, requireSettings, toldSettings } from "./told-settings.ts";
import type { Candidate } from "./voice-catalogue.ts";

export type PlannerOptions = {
  readonly maxTextChars: number;
  /** What is made for a longer text is not stored, though what is stored of it is used. Default: no bound. */
  readonly maxCachedTextChars?: number | undefined;
  /** Default: nothing is cleaned unless the request says so, and pronounced as it is written. */
  readonly text?: TextRules;
  readonly voiceOf?: VoiceOf;
};

export type Plan = {
  /** To be spoken: markup does not count. */
  readonly characters: number;
  readonly segments: readonly Segment[];
  /** Silence behind the last. */
  readonly tail?: Rest;
  /** What is not done as it was asked. */
  readonly notices: readonly Notice[];
};

/** A text cut up for these settings: what does not depend on who asks. */
type Remembered = {
  readonly utterance: Utterance;
  readonly candidates: readonly Candidate[];
  readonly characters: number;
  readonly parts: readonly { readonly text: string; readonly requests: readonly SynthesisRequest[] }[];
};

const NO_NOTICES: readonly Notice[] = [];

/** Texts whose last plan is kept: what is said often is planned once. Long ones are seldom said twice. */
const MAX_REMEMBERED = 1_000;
const MAX_REMEMBERED_CHARS = 1_000;

const NO_RULES: TextRules = { cleaning: DEFAULT_CLEANING, cleansByDefault: false };
/** A pronunciation may be longer than what is written; so much of an engine's longest text is kept for that. */
const WRITTEN_SHARE = 0.75;

/** Throws `text_too_long`, naming the parameter that held the text. */
export function checkLength(text: string, { maxTextChars, param }: { maxTextChars: number; param: string }): void {
  if (text.length <= maxTextChars) return;
  const message = `the text has ${text.length} characters; at most ${maxTextChars} are spoken`;
  throw new SpeechError("text_too_long", message, { param });
}

/** Turns an utterance into segments, each with the request for every candidate. */
export class Planner {
  readonly #options: PlannerOptions;
  /** By the raw text, oldest first. */
  readonly #remembered = new Map<string, Remembered>();

  readonly #rules: TextRules;
  /** Texts that were made ready to be checked, and are still to be planned. */
  readonly #ready = new WeakMap<Utterance, string>();

  constructor(options: PlannerOptions) {
    this.#options = options;
    this.#rules = options.text ?? NO_RULES;
  }

  /** Throws `text_too_long` and `text_empty`, naming the parameter, before anything is looked up or asked. */
  check(utterance: Utterance): void {
    const { maxTextChars } = this.#options;
    checkLength(utterance.text, { maxTextChars, param: "input" });
    if (this.#remembers(utterance) || isSpeakable(this.#prepared(utterance))) return;
    throw new SpeechError("text_empty", "the text holds nothing that can be spoken", { param: "input" });
  }

  /** The segments of a text that `check` has let pass. Throws `setting_unsupported`. */
  plan(utterance: Utterance, candidates: readonly Candidate[]): Plan {
    const known = this.#remembered.get(utterance.text);
    const fits = known?.candidates === candidates && soundsAlike(known.utterance, utterance);
    const { characters, parts } = fits ? known : this.#cut(utterance, candidates);
    const { format, policy, tenant, told, tags } = this.#settings(utterance, characters);
    // One shape, field by field: this is made for every request.
    const segments = parts.map(({ text, requests }): Segment => {
      if (tags !== undefined) return { text, requests, candidates, format, policy, tenant, told, tags };
      return { text, requests, candidates, format, policy, tenant, told };
    });
    return { characters, segments, notices: NO_NOTICES };
  }

  /** The segments of a script whose voices were found. Throws `setting_unsupported`. */
  planScript(utterance: Utterance, { tail, notices }: Script, { spans, ...cast }: Cast): Plan {
    const characters = spans.reduce((sum, { span }) => sum + span.text.length, 0);
    const divided: Notice[] = [];
    const onDivided = ({ place }: Pronunciation): void => {
      divided.push(asWrittenNotice(place, "phonemes of more than one sentence are not done"));
    };
    const { inputType, language, turns = [] } = utterance;
    const mayHoldAnyLanguage =
      inputType === "ssml" || [language, ...turns.map((turn) => turn.language)].includes(AUTO_LANGUAGE);
    const segments = spans.flatMap(({ span, candidates }) => {
      const { voice: _, ...settings } = span.settings;
      const said: Utterance = { ...utterance, ...settings };
      if (mayHoldAnyLanguage) requireSettings(said, candidates);
      else this.require(said, candidates);
      const { lead } = span;
      return cutSpan(span, { maxChars: this.longestSegment(candidates), onDivided })
        .map(({ text, marks, pronunciations }, at): Segment => {
          const plain = this.segment(text, said, candidates, characters);
          const segment = pronunciations.length === 0 ? plain : this.#phonemic(plain, said, pronunciations);
          return { ...segment, marks, ...(at === 0 && lead.ms > 0 && { lead }) };
        })
        .filter(isHeard);
    });
    if (segments.length === 0)
      throw new SpeechError("text_empty", "the text holds nothing that is pronounced", { param: "input" });
    const told = [...notices, ...cast.notices, ...divided].slice(0, SCRIPT_BOUNDS.maxNotices);
    return { characters, segments, notices: told, ...(tail.ms > 0 && { tail }) };
  }

  /** The segments of a text of several languages: each piece of it is spoken by whoever `route` finds for it. */
  async planRouted(utterance: Utterance, route: (piece: string, all: string) => Promise<Routed>): Promise<Plan> {
    const text = this.#prepared(utterance);
    const { candidates } = await route("", text);
    const segments: Segment[] = [];
    for (const piece of splitSegments(text, { maxChars: this.longestSegment(candidates) })) {
      const routed = await route(piece, text);
      requireSettings(routed.utterance, routed.candidates);
      segments.push(this.segment(piece, routed.utterance, routed.candidates, text.length));
    }
    const heard = segments.filter(isHeard);
    if (heard.length > 0) return { characters: text.length, segments: heard, notices: NO_NOTICES };
    throw new SpeechError("text_empty", "the text holds nothing that is pronounced", { param: "input" });
  }

  /** Throws `setting_unsupported` for a language or a setting that nobody of them can heed. */
  require(utterance: Utterance, candidates: readonly Candidate[]): void {
    const { language } = utterance;
    if (language !== undefined && language !== AUTO_LANGUAGE)
      requireLanguage(language, candidates, this.#options.voiceOf);
    requireSettings(utterance, candidates);
  }

  /** One segment of a text that is still being written and has `characters` so far. */
  segment(text: string, utterance: Utterance, candidates: readonly Candidate[], characters: number): Segment {
    const requests = this.#requests(text, utterance, candidates);
    return { text, requests, candidates, ...this.#settings(utterance, characters) };
  }

  /** What a text that comes in pieces goes through; undefined: it is spoken as it is written. */
  cleaner(utterance: Utterance): TextCleaner | undefined {
    return this.#cleans(utterance) ? new TextCleaner(this.#rules.cleaning) : undefined;
  }

  /** The longest segment that all candidates take, in UTF-16 code units. */
  longestSegment(candidates: readonly Candidate[]): number {
    const least = Math.min(...candidates.map(({ engine }) => engine.capabilities.maxChars));
    return this.#rules.pronounce === undefined ? least : Math.floor(least * WRITTEN_SHARE);
  }

  #cleans({ clean = this.#rules.cleansByDefault }: Utterance): boolean {
    return clean;
  }

  #remembers(utterance: Utterance): boolean {
    const known = this.#remembered.get(utterance.text);
    return known !== undefined && this.#cleans(known.utterance) === this.#cleans(utterance);
  }

  #prepared(utterance: Utterance): string {
    const known = this.#ready.get(utterance);
    if (known !== undefined) return known;
    const { text } = utterance;
    const ready = prepareText(this.#cleans(utterance) ? cleanText(text, this.#rules.cleaning) : text);
    this.#ready.set(utterance, ready);
    return ready;
  }

  #requests(text: string, utterance: Utterance, candidates: readonly Candidate[]): SynthesisRequest[] {
    return candidates.map((candidate) => this.#pronounced(this.#request(text, utterance, candidate), candidate));
  }

  #request(text: string, utterance: Utterance, candidate: Candidate): SynthesisRequest {
    const request = requestOf(text, utterance, candidate);
    const { language } = request;
    if (language === undefined || speaksLanguage(candidate, language, this.#options.voiceOf)) return request;
    const { language: _, ...own } = request;
    return own;
  }

  #pronounced(request: SynthesisRequest, candidate: Candidate): SynthesisRequest {
    if (this.#rules.pronounce === undefined) return request;
    return pronounced(request, this.#rules, request.language ?? this.#options.voiceOf?.(candidate)?.language);
  }

  /** The segment with its pronunciation for those who take it. */
  #phonemic(plain: Segment, utterance: Utterance, pronunciations: readonly Pronunciation[]): Segment {
    const { text, candidates } = plain;
    const each = candidates.map((candidate) => phonemic(text, pronunciations, candidate));
    const requests = each.map(({ phonemes }, at) => {
      if (phonemes.length === 0) return plain.requests[at]!;
      const candidate = candidates[at]!;
      return this.#pronounced({ ...this.#request(text, utterance, candidate), phonemes }, candidate);
    });
    const refused = candidates.map(({ engine }) =>
      pronunciations.map(({ place }) => asWrittenNotice(place, `${engine.name} refused the phonemes`)),
    );
    return { ...plain, requests, notices: each.map(({ notices }) => notices), spelled: { ...plain, notices: refused } };
  }

  #settings(utterance: Utterance, characters: number) {
    const { format, subject, tenant = subject, cache, tags } = utterance;
    const { maxCachedTextChars = Number.POSITIVE_INFINITY } = this.#options;
    const policy = characters <= maxCachedTextChars ? cache : { ...cache, write: false };
    return { format, policy, tenant, told: toldSettings(utterance), ...(tags !== undefined && { tags }) };
  }

  /** What is remembered has let the settings pass. */
  #cut(utterance: Utterance, candidates: readonly Candidate[]): Remembered {
    this.require(utterance, candidates);
    const text = this.#prepared(utterance);
    const parts = splitSegments(text, { maxChars: this.longestSegment(candidates) })
      .map((part) => ({ text: part, requests: this.#requests(part, utterance, candidates) }))
      .filter(isHeard);
    if (parts.length === 0)
      throw new SpeechError("text_empty", "the text holds nothing that is pronounced", { param: "input" });
    const cut = { utterance, candidates, characters: text.length, parts };
    this.#remembered.delete(utterance.text);
    if (utterance.text.length > MAX_REMEMBERED_CHARS) return cut;
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size >= MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
    this.#remembered.set(utterance.text, cut);
    return cut;
  }
}

/** Whether anything of it is pronounced, by whoever would be asked first. */
export function isHeard({ text, requests }: Pick<Segment, "text" | "requests">): boolean {
  const said = requests[0]?.text ?? text;
  return said === text || isSpeakable(said);
}

function soundsAlike(a: Utterance, b: Utterance): boolean {
  return (
    sameFormat(a.format, b.format) &&
    a.speed === b.speed &&
    a.pitch === b.pitch &&
    a.volume === b.volume &&
    a.language === b.language &&
    a.clean === b.clean &&
    a.lenient === b.lenient &&
    a.instructions === b.instructions &&
    a.style === b.style &&
    a.seed === b.seed
  );
}

/** The caller's model has chosen the engines; which model an engine uses is said in its configuration, unless it wants the caller's. */
function requestOf(text: string, utterance: Utterance, candidate: Candidate): SynthesisRequest {
  const { speed, pitch, volume, format } = utterance;
  const { voice, model, language = utterance.language === AUTO_LANGUAGE ? undefined : utterance.language } = candidate;
  return {
    text,
    voice,
    speed,
    pitch,
    volume,
    wanted: format,
    ...(model !== undefined && { model }),
    ...(language !== undefined && { language }),
    ...heededBy(candidate.engine, utterance),
  };
}
