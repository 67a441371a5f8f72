import { keyId, sameSecret } from "./api-key.ts";
import type { KeyRecord } from "./identity.ts";

/**
 * All keys that hold, by hash. Which bucket of the map a guess falls into follows from its SHA-256, which the guesser
 * cannot steer; the hash found there is compared in constant time.
 */
export class KeyRing {
  readonly #fixed: ReadonlyMap<string, KeyRecord>;
  #shared: ReadonlyMap<string, KeyRecord> = new Map();
  #everShared = false;

  /** `fixed`: of the configuration; they hold as long as the process. */
  constructor(fixed: readonly KeyRecord[]) {
    this.#fixed = new Map(fixed.map((record) => [record.hash, record]));
  }

  /** Whether there are keys, or ever were: a ring that became empty must not open the door. */
  get inUse(): boolean {
    return this.#fixed.size > 0 || this.#everShared;
  }

  /** The keys that all servers share, as they are now. */
  replaceShared(records: readonly KeyRecord[]): void {
    this.#shared = new Map(records.map((record) => [record.hash, record]));
    this.#everShared ||= records.length > 0;
  }

  add(record: KeyRecord): void {
    this.#shared = new Map([...this.#shared, [record.hash, record]]);
    this.#everShared = true;
  }

  find(hash: string): KeyRecord | undefined {
    const found = this.#fixed.get(hash) ?? this.#shared.get(hash);
    return found !== undefined && sameSecret(found.hash, hash) ? found : undefined;
  }

  list(): (KeyRecord & { readonly id: string; readonly source: "config" | "redis" })[] {
    const from = (records: ReadonlyMap<string, KeyRecord>, source: "config" | "redis") =>
      [...records.values()].map((record) => ({ ...record, id: keyId(record.hash), source }));
    return [...from(this.#fixed, "config"), ...from(this.#shared, "redis")];
  }

  /** What is known of a user from its keys. */
  ofUser(user: string): KeyRecord | undefined {
    return this.list().find((record) => record.user === user);
  }
}
