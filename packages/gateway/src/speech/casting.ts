import { SpeechError } from "../core/errors.ts";
import type { CallOptions } from "../core/ports.ts";
import type { Notice, Script, Span, VoiceWish } from "../core/script.ts";
import { nobodySpeaks, speaksLanguage, type VoiceOf } from "./spoken-language.ts";
import type { Candidate, VoiceCatalogue } from "./voice-catalogue.ts";

/** A span, and who could speak it. */
export type CastSpan = { readonly span: Span; readonly candidates: readonly Candidate[] };
export type Cast = { readonly spans: readonly CastSpan[]; readonly notices: readonly Notice[] };

type Options = CallOptions & { readonly model?: string | undefined };
/** Nobody: the text is left out, since the document says so. */
type Role = readonly Candidate[] | "leave-out";

/** Finds out who could speak each span. Throws `voice_not_found`, `model_not_found`, telling where the voice was asked for. */
export async function castScript({ spans }: Script, voices: VoiceCatalogue, options: Options): Promise<Cast> {
  const casting = new Casting(voices, options);
  const cast: CastSpan[] = [];
  for (const span of spans) {
    const role = await casting.roleOf(span.settings.voice, span.settings.language);
    if (role === "leave-out") continue;
    cast.push({ span, candidates: role });
    casting.checkLanguage(role, span.settings.language);
  }
  return { spans: cast, notices: casting.notices };
}

class Casting {
  readonly notices: Notice[] = [];
  readonly #voices: VoiceCatalogue;
  readonly #options: Options;
  /** Languages that nobody speaks, each told once. */
  readonly #unspoken = new Set<string>();
  readonly #roles = new Map<VoiceWish, Map<string | undefined, Role>>();

  constructor(voices: VoiceCatalogue, options: Options) {
    this.#voices = voices;
    this.#options = options;
  }

  async roleOf(wish: VoiceWish, language: string | undefined): Promise<Role> {
    const known = this.#roles.get(wish) ?? new Map<string | undefined, Role>();
    this.#roles.set(wish, known);
    const role = known.get(language) ?? (await this.#find(wish, language));
    known.set(language, role);
    return role;
  }

  /** A document may hold a word of any language: it is spoken all the same. */
  checkLanguage(candidates: readonly Candidate[], language: string | undefined): void {
    if (language === undefined || this.#unspoken.has(language)) return;
    const voiceOf: VoiceOf = (candidate) => this.#voices.voiceOf(candidate);
    if (candidates.some((candidate) => speaksLanguage(candidate, language, voiceOf))) return;
    this.#unspoken.add(language);
    this.notices.push({ message: `${nobodySpeaks(language)}; it is spoken as the rest` });
  }

  async #find(wish: VoiceWish, language: string | undefined): Promise<Role> {
    let failure: SpeechError | undefined;
    for (const voice of wish.names) {
      const found = await this.#resolve({ voice, language });
      if (!(found instanceof SpeechError)) return found;
      failure ??= found;
    }
    if (wish.traits !== undefined) return this.#alike(wish, language, failure);
    if (failure === undefined) throw new SpeechError("internal", "a voice without a name or traits");
    if (wish.otherwise === undefined) throw placed(failure, wish);
    this.notices.push({ ...wish.place, message: failure.message });
    return wish.otherwise === "leave-out" ? "leave-out" : this.roleOf(wish.otherwise.voice, language);
  }

  /** By what the voice should be like. */
  async #alike(wish: VoiceWish, language: string | undefined, failure: SpeechError | undefined): Promise<Role> {
    const { traits } = wish;
    const found = await this.#resolve({ traits: traits!, language });
    if (found instanceof SpeechError) throw placed(failure ?? found, wish);
    const gender = found[0] && this.#voices.voiceOf(found[0])?.gender;
    if (failure !== undefined) this.notices.push({ ...wish.place, message: `${failure.message}; one like it speaks` });
    else if (traits!.gender !== undefined && gender !== traits!.gender)
      this.notices.push({
        ...wish.place,
        message: `no voice here is known to be ${traits!.gender}; another one speaks`,
      });
    return found;
  }

  async #resolve(
    query: Pick<Parameters<VoiceCatalogue["resolve"]>[0], "voice" | "traits"> & { language: string | undefined },
  ): Promise<readonly Candidate[] | SpeechError> {
    const { model, signal } = this.#options;
    const { language, ...who } = query;
    try {
      return await this.#voices.resolve(
        { ...who, ...(model !== undefined && { model }), ...(language !== undefined && { language }) },
        { signal },
      );
    } catch (error) {
      if (error instanceof SpeechError && error.code === "voice_not_found") return error;
      throw error;
    }
  }
}

function placed(error: SpeechError, { place, param }: VoiceWish): SpeechError {
  const message = place === undefined ? error.message : `line ${place.line}, column ${place.column}: ${error.message}`;
  return new SpeechError(error.code, message, { cause: error, param: param ?? error.details.param ?? "voice" });
}
