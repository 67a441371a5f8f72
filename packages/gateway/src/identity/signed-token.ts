import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../core/clock.ts";

/** What a token is good for; one made for links opens no socket. */
export type TokenPurpose = "socket" | "link";

export type TokenClaims = {
  readonly purpose: TokenPurpose;
  readonly user: string;
  readonly tenant?: string;
  readonly plan?: string;
  /** What else it is bound to, for example the digest of a link's settings. */
  readonly binds?: string;
};

export type SignedTokens = {
  /** A token for a URL: it needs no escaping and is good for `ttlMs`. */
  sign(claims: TokenClaims, options: { readonly ttlMs: number }): string;
  /** Undefined for anything but a token of ours for this purpose whose time is not over. */
  verify(token: string, purpose: TokenPurpose): (TokenClaims & { readonly expiresAtMs: number }) | undefined;
};

const MAX_TOKEN_LENGTH = 4096;
const MIN_SECRET_LENGTH = 16;

/** Tokens signed with HMAC-SHA-256. All servers need the same secret. Throws a RangeError for one that is too short. */
export function signedTokens({ secret, clock }: { readonly secret: string; readonly clock: Clock }): SignedTokens {
  if (secret.length < MIN_SECRET_LENGTH) throw new RangeError(`the secret needs ${MIN_SECRET_LENGTH} characters`);
  // A key of its own, so that a secret used elsewhere as well signs nothing that is understood here.
  const key = createHmac("sha256", secret).update("mynah signed token v1").digest();
  const seal = (body: string): Buffer => createHmac("sha256", key).update(body).digest();
  return {
    sign(claims, { ttlMs }) {
      const body = Buffer.from(JSON.stringify({ ...claims, expiresAtMs: clock.now() + ttlMs })).toString("base64url");
      return `${body}.${seal(body).toString("base64url")}`;
    },
    verify(token, purpose) {
      if (token.length > MAX_TOKEN_LENGTH) return undefined;
      const dot = token.indexOf(".");
      const body = token.slice(0, Math.max(0, dot));
      const theirs = Buffer.from(token.slice(dot + 1), "base64url");
      const ours = seal(body);
      if (dot < 1 || theirs.length !== ours.length || !timingSafeEqual(theirs, ours)) return undefined;
      // Signed by us, so it is what we wrote.
      const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as TokenClaims & { expiresAtMs: number };
      return claims.purpose === purpose && clock.now() < claims.expiresAtMs ? claims : undefined;
    },
  };
}
