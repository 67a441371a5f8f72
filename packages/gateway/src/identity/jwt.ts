import { readFileSync } from "node:fs";
import { SpeechError } from "../core/errors.ts";
import type { Identity } from "./identity.ts";

export type JwtOptions = {
  /** For HS256, HS384, HS512. */
  readonly secret?: string | undefined;
  /** URL or file of public keys, for everything else. */
  readonly jwks?: string | undefined;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  readonly clockToleranceSeconds: number;
};

/** The token's owner, or undefined if it does not hold. Throws `overloaded` when the keys cannot be fetched. */
export type VerifyJwt = (token: string) => Promise<Identity | undefined>;

const SYMMETRIC = ["HS256", "HS384", "HS512"];
const ASYMMETRIC = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
const MIN_SECRET_LENGTH = 32;
const JWKS_TIMEOUT_MS = 2_000;

/**
 * Verifies tokens with `jose`. Each kind of key allows only its own algorithms, so that a public key is never taken for a
 * shared secret. A token must end (`exp`) and name its user (`sub`); `tenant` and `plan` are claims.
 * Throws a TypeError for settings that cannot be used.
 */
export async function jwtVerifier(options: JwtOptions): Promise<VerifyJwt> {
  const { secret, jwks, issuer, audience, clockToleranceSeconds } = options;
  if (secret !== undefined && secret.length < MIN_SECRET_LENGTH)
    throw new TypeError(`JWT_SECRET needs at least ${MIN_SECRET_LENGTH} characters`);
  const jose = await import("jose");
  const common = {
    clockTolerance: clockToleranceSeconds,
    requiredClaims: ["exp", "sub"],
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  };
  const shared = secret === undefined ? undefined : new TextEncoder().encode(secret);
  const published = jwks === undefined ? undefined : publicKeys(jose, jwks);
  return async (token) => {
    try {
      const { alg = "" } = jose.decodeProtectedHeader(token);
      if (shared !== undefined && SYMMETRIC.includes(alg))
        return identityOf((await jose.jwtVerify(token, shared, { ...common, algorithms: SYMMETRIC })).payload);
      if (published !== undefined && ASYMMETRIC.includes(alg))
        return identityOf((await jose.jwtVerify(token, published, { ...common, algorithms: ASYMMETRIC })).payload);
      return undefined;
    } catch (error) {
      // A wrong token is the caller's, keys that cannot be fetched are ours.
      if (error instanceof jose.errors.JWKSTimeout || (error instanceof TypeError && jwks !== undefined))
        throw new SpeechError("overloaded", "the keys that tokens are signed with cannot be fetched", { cause: error });
      return undefined;
    }
  };
}

function publicKeys(jose: typeof import("jose"), jwks: string) {
  if (/^https?:\/\//.test(jwks)) return jose.createRemoteJWKSet(new URL(jwks), { timeoutDuration: JWKS_TIMEOUT_MS });
  try {
    return jose.createLocalJWKSet(JSON.parse(readFileSync(jwks, "utf8")));
  } catch (cause) {
    throw new TypeError(`JWT_JWKS names ${jwks}, and that is no file with a JWKS`, { cause });
  }
}

function identityOf(claims: Readonly<Record<string, unknown>>): Identity | undefined {
  const { sub, tenant, plan } = claims;
  if (typeof sub !== "string" || sub === "") return undefined;
  return {
    user: sub,
    tenant: typeof tenant === "string" && tenant !== "" ? tenant : sub,
    ...(typeof plan === "string" && { plan }),
    admin: false,
    by: "token",
  };
}
