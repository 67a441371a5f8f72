import { randomBytes } from "node:crypto";
import type { Logger } from "pino";
import type { SpeechSystem } from "./compose.ts";
import { type Config, ConfigError } from "./config/config.ts";
import type { Clock } from "./core/clock.ts";
import type { Audit, KeyAdministration } from "./http/admin-routes.ts";
import { type TrustsProxy, trustedProxies } from "./http/client-address.ts";
import { createKey, hashKey, keyId } from "./identity/api-key.ts";
import { Authenticator } from "./identity/authenticator.ts";
import { GuessBudget } from "./identity/guess-budget.ts";
import { jwtVerifier, type VerifyJwt } from "./identity/jwt.ts";
import { KeyRing } from "./identity/key-ring.ts";
import { SharedKeys } from "./identity/shared-keys.ts";
import { type SignedTokens, signedTokens } from "./identity/signed-token.ts";

/** Who may come in: put together from configuration and Redis. */
export type Access = {
  readonly authenticator: Authenticator;
  readonly keys: KeyAdministration;
  readonly audit: Audit;
  readonly tokens: SignedTokens;
  /** Throws a ConfigError when strangers could speak through this address and nobody said that they may. */
  checkAddress(host: string): Promise<void>;
  close(): void;
};

const KEYS_TIMEOUT_MS = 2_000;

export async function openAccess(config: Config, { redis, clock }: SpeechSystem, log: Logger): Promise<Access> {
  const ring = new KeyRing(config.keys);
  const shared =
    redis && new SharedKeys({ redis, clock, ring, onProblem: (problem) => log.warn({ problem }, "keys not read") });
  const audit: Audit = (entry) => log.info({ audit: true, ...entry }, `audit: ${entry.action}`);
  const authenticator = new Authenticator({
    ring,
    verifyJwt: await openJwt(config),
    adminKey: config.adminKey,
    allowAnonymous: config.allowAnonymous,
    budget: new GuessBudget({ clock }),
    ...(shared && { findShared: (hash, options) => shared.find(hash, options) }),
    onRefused: (refusal) => audit({ action: "key.refused", ...refusal }),
  });
  return {
    authenticator,
    audit,
    tokens: openTokens(config, clock),
    keys: keyAdministration(ring, shared, () => clock.now()),
    async checkAddress(host) {
      if (isLoopback(host) || config.allowAnonymous !== undefined) return;
      const signal = AbortSignal.timeout(KEYS_TIMEOUT_MS);
      await redis
        ?.whenUp({ signal })
        .then(() => shared?.refresh({ signal }))
        .catch(() => {}); // they may be all there are
      if (authenticator.open) throw new ConfigError(openToStrangers(host));
    },
    close: () => shared?.close(),
  };
}

function openTokens({ signingSecret }: Config, clock: Clock): SignedTokens {
  try {
    return signedTokens({ secret: signingSecret ?? randomBytes(32).toString("base64url"), clock });
  } catch (error) {
    throw error instanceof RangeError ? new ConfigError(`SIGNING_SECRET: ${error.message}`) : error;
  }
}

/** Whose X-Forwarded-… headers are believed. Throws a ConfigError for a list that is not understood. */
export function openTrust({ trustedProxies: list }: Config): TrustsProxy | undefined {
  try {
    return list ? trustedProxies(list) : undefined;
  } catch (error) {
    const expected =
      "addresses and networks such as 10.0.0.0/8, or loopback, linklocal, uniquelocal, separated by commas";
    throw error instanceof TypeError ? new ConfigError(`TRUSTED_PROXIES must be ${expected}; ${error.message}`) : error;
  }
}

function openToStrangers(host: string): string {
  return (
    `HOST=${host} would let anybody on the network speak, and there are no keys; make one with \`mynah keys create\`, ` +
    "or set ALLOW_ANONYMOUS=true if that is meant"
  );
}

async function openJwt(config: Config): Promise<VerifyJwt | undefined> {
  const { jwtSecret: secret, jwtJwks: jwks, jwtIssuer: issuer, jwtAudience: audience } = config;
  if (secret === undefined && jwks === undefined) return undefined;
  try {
    return await jwtVerifier({
      secret,
      jwks,
      issuer,
      audience,
      clockToleranceSeconds: config.jwtClockToleranceSeconds,
    });
  } catch (error) {
    if (error instanceof TypeError) throw new ConfigError(error.message);
    throw error;
  }
}

function keyAdministration(ring: KeyRing, shared: SharedKeys | undefined, now: () => number): KeyAdministration {
  return {
    list: () => ring.list(),
    ofUser: (user) => ring.ofUser(user),
    async create(owner, options) {
      if (shared === undefined) return undefined;
      const key = createKey();
      const hash = hashKey(key);
      await shared.create({ ...owner, hash, createdAtMs: now() }, options);
      return { key, hash, id: keyId(hash) };
    },
    revoke: async (id, options) => (await shared?.revoke(id, options)) ?? false,
  };
}

/** Whether only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}
