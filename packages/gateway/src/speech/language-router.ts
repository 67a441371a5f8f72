import type { CallOptions, LanguageDetector } from "../core/ports.ts";
import type { Utterance } from "../core/utterance.ts";
import type { Plan, Planner } from "./plan.ts";
import type { Candidate, VoiceCatalogue } from "./voice-catalogue.ts";

/** As `language`: each segment is spoken by a voice of the language that it is written in. */
export const AUTO_LANGUAGE = "auto";

export type LanguageDeps = {
  readonly voices: VoiceCatalogue;
  /** Absent: `auto` is as if no language was named. */
  readonly languages?: LanguageDetector;
};

/** Who speaks a piece of text, and as what. */
export type Routed = { readonly utterance: Utterance; readonly candidates: readonly Candidate[] };

/** The same without `auto`. */
export function withoutAuto(utterance: Utterance): Utterance {
  if (utterance.language !== AUTO_LANGUAGE) return utterance;
  const { language: _, ...rest } = utterance;
  return rest;
}

/**
 * Finds the language of one piece of a text after the other, and who speaks it. What is too short to tell is in the language of
 * what came before; the beginning in that of `all`, if that is known, or whatever the voice speaks.
 */
export class LanguageRouter {
  readonly #deps: LanguageDeps;
  readonly #utterance: Utterance;
  readonly #signal: AbortSignal;
  #last: string | undefined;

  constructor(deps: LanguageDeps, utterance: Utterance, { signal }: CallOptions) {
    this.#deps = deps;
    this.#utterance = withoutAuto(utterance);
    this.#signal = signal;
  }

  async route(piece: string, all?: string): Promise<Routed> {
    this.#last = (await this.#detect(piece)) ?? this.#last ?? (all === undefined ? undefined : await this.#detect(all));
    const language = this.#last;
    const utterance = language === undefined ? this.#utterance : { ...this.#utterance, language };
    return { utterance, candidates: await this.#deps.voices.resolve(utterance, { signal: this.#signal }) };
  }

  async #detect(text: string): Promise<string | undefined> {
    const { voices, languages } = this.#deps;
    return languages?.detect(text, voices.spokenLanguages(this.#utterance.model), { signal: this.#signal });
  }
}

/** The plan of an utterance whose language is `auto`; undefined: it is not, or nobody can tell. */
export function planByLanguage(
  deps: LanguageDeps,
  planner: Planner,
  utterance: Utterance,
  options: CallOptions,
): Promise<Plan> | undefined {
  if (utterance.language !== AUTO_LANGUAGE || deps.languages === undefined) return undefined;
  const router = new LanguageRouter(deps, utterance, options);
  return planner.planRouted(utterance, (piece, all) => router.route(piece, all));
}
