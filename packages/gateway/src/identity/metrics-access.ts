import { SpeechError } from "../core/errors.ts";
import type { CallOptions } from "../core/ports.ts";
import { hashKey, sameSecret } from "./api-key.ts";
import type { Authenticator, Credential } from "./authenticator.ts";

export type MetricsAccessOptions = {
  readonly authenticator: Authenticator;
  /** Opens metrics and nothing else; a key or its hash. */
  readonly metricsKey: string | undefined;
  /** Whether only this machine can ask; then a gateway without any keys hides nothing. */
  readonly isLocal: () => boolean;
};

/**
 * Who may read metrics. They hold no text and no user, but they tell how much is spoken, by which engines and what breaks:
 * that is the operator's. So a key of a caller does not open them.
 */
export class MetricsAccess {
  readonly #options: MetricsAccessOptions;
  readonly #hash: string | undefined;

  constructor(options: MetricsAccessOptions) {
    const { metricsKey } = options;
    this.#options = options;
    this.#hash = metricsKey === undefined || metricsKey.startsWith("sha256:") ? metricsKey : hashKey(metricsKey);
  }

  /** Throws `unauthorized`, `forbidden` or `too_many_failures`. */
  async check(credential: Credential, options: CallOptions): Promise<void> {
    const { authenticator, isLocal } = this.#options;
    if (this.#hash === undefined && authenticator.open && isLocal()) return;
    const { secret } = credential;
    if (secret === undefined)
      throw new SpeechError("unauthorized", "metrics want METRICS_KEY or an admin key: Authorization: Bearer …");
    authenticator.checkGuesses(credential);
    if (this.#hash !== undefined && sameSecret(hashKey(secret), this.#hash)) return;
    const { admin } = await authenticator.identify(credential, options);
    if (admin) return;
    authenticator.refused(credential); // or the key could be guessed at leisure
    throw new SpeechError("forbidden", "this key does not open metrics: see METRICS_KEY");
  }
}
