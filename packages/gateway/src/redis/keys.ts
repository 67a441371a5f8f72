/**
 * The only file that knows how keys in Redis are called. Beside the audio, PRODUCT §5 reserves: `tts:stats` (hash,
 * counters over all servers), `tts:flight:…` and `tts:live:…` (lease and
 * live audio of a synthesis in progress; both carry the same `{hash tag}`, so that they share a cluster slot).
 */
import { createHash } from "node:crypto";
import type { CacheKey } from "../core/cache-key.ts";
import type { Subject } from "../core/quota.ts";

const AUDIO_PREFIX = "tts:audio:";
/** Half of the digest: enough against accidents. The whole one is in the entry and compared on read. */
const AUDIO_KEY_HEX = 32;

/** Matches every key that `audioKey` makes. For SCAN, so never on a request's path. */
export const AUDIO_KEY_PATTERN = `${AUDIO_PREFIX}*`;

/** Where a segment's audio is stored. */
export function audioKey(key: CacheKey): string {
  return AUDIO_PREFIX + key.slice(0, AUDIO_KEY_HEX);
}

/** Who makes a segment now: the leader's token, behind `run:` or, for a while after its end, `end:`. */
export function flightKey(key: CacheKey): string {
  return `tts:flight:{${key}}`;
}

/**
 * What one leader has made of it so far. The token is in the key's name: a leader that was replaced while it was
 * frozen goes on writing to a stream that nobody reads.
 */
export function liveKey(key: CacheKey, token: string): string {
  return `tts:live:{${key}}:${token}`;
}

/** Exists while another server follows that leader. */
export function followedKey(key: CacheKey, token: string): string {
  return `tts:live:{${key}}:${token}:followed`;
}

/** Hash: counters over all servers. */
export const STATS_KEY = "tts:stats";

/** The last batch of counters that a server has added; in the slot of `STATS_KEY`, so that one script sees both. */
export function statsBatchKey(server: string): string {
  return `tts:stats-batch:{${STATS_KEY}}:${server}`;
}

/** Who measures our memory use in Redis at present. */
export const MEMORY_LEASE_KEY = "tts:memory-lease";

/** Stream: purges and overwrites that other servers' memory must hear of. */
export const PURGE_LOG_KEY = "tts:purges";

/** Every key of ours, and a few of others: SCAN takes one pattern. Never on a request's path. */
export const OURS_GLOB = "*tts:*";
/** Every key of ours and no other. */
export const OURS = /^(rate:)?tts:/;

const RATE_PREFIX = "rate:tts:";
const PLAIN_NAME = /^[\w.@-]{1,96}$/;
const MAX_NAME_LENGTH = 96;

/**
 * Where a user's windows are counted; `KEYS rate:tts:*:<user>:*` finds it. The hash tag is the tenant, so that the
 * tenant's own key is in the same cluster slot and one script can decide both; users without a tenant spread over all.
 */
export function rateKey({ user, tenant }: Subject): string {
  return tenant === undefined
    ? `${RATE_PREFIX}{:${keyName(user)}:}log`
    : `${RATE_PREFIX}{${keyName(tenant)}}:${keyName(user)}:log`;
}

/** Where a tenant's windows are counted. No user has an empty name in a key. */
export function tenantRateKey(tenant: string): string {
  return `${RATE_PREFIX}{${keyName(tenant)}}::log`;
}

/** Which servers count, which users they refused, and how often users were reset: three keys in one slot. */
export const RATE_SERVERS_KEY = `${RATE_PREFIX}{=}servers`;
export const RATE_REFUSED_KEY = `${RATE_PREFIX}{=}refused`;
export const RATE_RESETS_KEY = `${RATE_PREFIX}{=}resets`;

/** API keys made by the command line or an admin, by the digest of the key. */
export const API_KEYS_KEY = "tts:keys";

/** Hash: purges and warmings of all servers, by id. */
export const JOBS_KEY = "tts:jobs";

/** Hash: engines that an administrator has switched off. */
export const ENGINES_OFF_KEY = "tts:engines-off";

/**
 * A name that anybody may have chosen, as part of a key: two names never become one, and none can hold a separator, a
 * brace or a wildcard. Long ones are hashed, from UTF-16, because lone surrogates have no UTF-8.
 */
function keyName(name: string): string {
  if (PLAIN_NAME.test(name)) return name;
  const escaped = name.isWellFormed() ? encodeURIComponent(name).replaceAll(/[!'()*~]/g, hexOf) : "";
  if (escaped !== "" && escaped.length <= MAX_NAME_LENGTH) return escaped;
  return `~${createHash("sha256").update(Buffer.from(name, "utf16le")).digest("hex").slice(0, 32)}`;
}

function hexOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
