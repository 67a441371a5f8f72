import type { Clock } from "../../core/clock.ts";
import { SpeechError } from "../../core/errors.ts";
import { answerJson } from "../remote/ask-server.ts";
import { refusalBecause } from "../remote/refusal.ts";
import type { GoogleCredentials } from "./google-credentials.ts";

export type GoogleTokensOptions = {
  readonly engine: string;
  readonly clock: Clock;
  readonly credentials: GoogleCredentials;
  readonly fetch: typeof globalThis.fetch;
};

type Token = { readonly value: string; readonly expiresAtMs: number };

const MAX_BODY_BYTES = 64 * 1024;
const ASK_TIMEOUT_MS = 10_000;
/** A token that is used up to its last second is refused by servers whose clocks differ. */
const MARGIN_MS = 60_000;
/** From here on a new one is fetched while the old one is still used. */
const RENEW_MS = 300_000;

/** The access token of these credentials: asked for once for all who need it, kept for its time, renewed before its end. */
export class GoogleTokens {
  readonly #options: GoogleTokensOptions;
  #token: Token | undefined;
  #asking: Promise<Token> | undefined;

  constructor(options: GoogleTokensOptions) {
    this.#options = options;
  }

  /** Throws `engine_unauthorized` when the credentials are not taken, `engine_failed` when nobody can be asked, or the signal's reason. */
  async get(signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const leftMs = (this.#token?.expiresAtMs ?? 0) - this.#options.clock.now();
    if (this.#token && leftMs > MARGIN_MS) {
      if (leftMs < RENEW_MS) this.#ask().catch(() => {}); // the old one still holds
      return this.#token.value;
    }
    // Not under this caller's signal: others wait for the same token.
    return (await untilAborted(this.#ask(), signal)).value;
  }

  /** It was refused: the next call asks for a new one. */
  forget(value: string): void {
    if (this.#token?.value === value) this.#token = undefined;
  }

  #ask(): Promise<Token> {
    this.#asking ??= this.#fetch()
      .then((token) => {
        this.#token = token;
        return token;
      })
      .finally(() => {
        this.#asking = undefined;
      });
    return this.#asking;
  }

  async #fetch(): Promise<Token> {
    const { engine, clock, credentials, fetch } = this.#options;
    const { url, init } = credentials.tokenAsk(clock.now());
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(ASK_TIMEOUT_MS) }).catch(
      (cause: unknown) => {
        throw new SpeechError("engine_failed", `${engine} cannot ask for an access token`, { cause, engine });
      },
    );
    const body = (await answerJson(response, MAX_BODY_BYTES)) as Record<string, unknown> | null | undefined;
    const { access_token: value, expires_in: seconds, error } = body ?? {};
    if (response.status >= 400 && response.status < 500 && response.status !== 429) {
      const reason = typeof error === "string" && /^\w{1,64}$/.test(error) ? ` (${error})` : "";
      throw new SpeechError("engine_unauthorized", `${engine}'s credentials are not taken${reason}`, { engine });
    }
    if (!response.ok) throw refusalBecause(response, engine, {});
    if (typeof value !== "string" || typeof seconds !== "number")
      throw new SpeechError("engine_failed", `${engine} was given no access token`, { engine });
    return { value, expiresAtMs: clock.now() + seconds * 1000 };
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}
