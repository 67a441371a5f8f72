import { type Soon, soon } from "../core/async.ts";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions } from "../core/ports.ts";
import { hashKey, keyId, sameSecret } from "./api-key.ts";
import type { GuessBudget } from "./guess-budget.ts";
import type { Identity, KeyRecord } from "./identity.ts";
import type { VerifyJwt } from "./jwt.ts";
import type { KeyRing } from "./key-ring.ts";

export type Credential = { readonly secret: string | undefined; readonly address: string };

export type AuthenticatorOptions = {
  readonly ring: KeyRing;
  /** Asks for a key that another server may have made. */
  readonly findShared?: (hash: string, options: CallOptions) => Promise<KeyRecord | undefined>;
  readonly verifyJwt?: VerifyJwt | undefined;
  /** Opens everything an administrator may; a key or its hash. */
  readonly adminKey?: string | undefined;
  /** Undefined: as long as there are no keys and no tokens. */
  readonly allowAnonymous?: boolean | undefined;
  readonly budget: GuessBudget;
  /** For the audit log. */
  readonly onRefused?: (refusal: {
    readonly address: string;
    readonly reason: string;
    readonly keyId?: string;
  }) => void;
};

const MAX_SECRET_LENGTH = 8192;
const JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** Finds out who calls. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #adminHash: string | undefined;

  constructor(options: AuthenticatorOptions) {
    const { adminKey } = options;
    this.#options = options;
    this.#adminHash = adminKey === undefined || adminKey.startsWith("sha256:") ? adminKey : hashKey(adminKey);
  }

  /** Whether callers without credentials may speak now. */
  get open(): boolean {
    return this.#options.allowAnonymous ?? !this.#demanding;
  }

  get #demanding(): boolean {
    return this.#options.ring.inUse || this.#options.verifyJwt !== undefined;
  }

  /**
   * Who this is; at once if nobody has to be asked. Throws `unauthorized` for no or a wrong credential, and
   * `too_many_failures` when an address has sent too many wrong ones: then not even a right one is looked at, or guessing
   * would only be slower for those who are told.
   */
  identify(credential: Credential, options: CallOptions): Soon<Identity> {
    const { secret, address } = credential;
    if (secret === undefined || secret === "") {
      if (this.open) return anonymous(address);
      throw new SpeechError("unauthorized", "this gateway wants an API key: Authorization: Bearer …, or xi-api-key");
    }
    this.checkGuesses({ address });
    const known = secret.length > MAX_SECRET_LENGTH ? undefined : this.#known(secret, options);
    return soon(known, (identity) => identity ?? this.#unknown(credential));
  }

  /** Clients of OpenAI always send some key. Where there are none, it is not held against them. */
  #unknown(credential: Credential): Identity {
    if (this.open && !this.#demanding) return anonymous(credential.address);
    this.refused(credential);
    throw new SpeechError("unauthorized", "this API key or token does not hold here");
  }

  /** Throws `too_many_failures` while an address has sent too many wrong credentials. */
  checkGuesses({ address }: Pick<Credential, "address">): void {
    const waitMs = this.#options.budget.waitMs(address);
    if (waitMs <= 0) return;
    this.#options.onRefused?.({ address, reason: "too many wrong keys" });
    throw new SpeechError("too_many_failures", "too many wrong keys came from this address", { retryAfterMs: waitMs });
  }

  /** Counts a credential that was not good enough against its address. */
  refused({ secret, address }: Credential): void {
    this.#options.budget.failed(address);
    const id = secret === undefined ? undefined : keyId(hashKey(secret));
    this.#options.onRefused?.({ address, reason: "wrong key", ...(id !== undefined && { keyId: id }) });
  }

  #known(secret: string, options: CallOptions): Soon<Identity | undefined> {
    const { ring, verifyJwt } = this.#options;
    const hash = hashKey(secret);
    if (this.#adminHash !== undefined && sameSecret(hash, this.#adminHash))
      return { user: "admin", tenant: "admin", admin: true, by: "key" };
    const record = ring.find(hash);
    if (record !== undefined) return identityOf(record);
    const token = verifyJwt !== undefined && JWT.test(secret) ? verifyJwt(secret) : undefined;
    return soon(token, (identity) => identity ?? this.#shared(hash, options));
  }

  #shared(hash: string, options: CallOptions): Soon<Identity | undefined> {
    const { ring, findShared } = this.#options;
    if (findShared === undefined || !ring.inUse) return undefined;
    return findShared(hash, options).then((record) => record && identityOf(record));
  }
}

function anonymous(address: string): Identity {
  return { user: `anonymous@${address}`, admin: false, by: "address" };
}

function identityOf({ user, tenant = user, plan, admin = false }: KeyRecord): Identity {
  return { user, tenant, ...(plan !== undefined && { plan }), admin, by: "key" };
}
