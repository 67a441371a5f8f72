import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const PREFIX = "mynah_";
const KEY_BYTES = 32;
const ID_LENGTH = 12;

/** A new key, 256 random bits. The prefix lets scanners find one that was published by mistake. */
export function createKey(): string {
  return PREFIX + randomBytes(KEY_BYTES).toString("base64url");
}

/** What is kept of a key. Fast on purpose: a key is random, there is no dictionary to try. */
export function hashKey(key: string): string {
  return `sha256:${createHash("sha256").update(key).digest("hex")}`;
}

/** What a key is called in lists and logs: enough to tell keys apart, nothing to guess one with. */
export function keyId(hash: string): string {
  return hash.slice("sha256:".length, "sha256:".length + ID_LENGTH);
}

/** In a time that does not depend on where they differ. */
export function sameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
