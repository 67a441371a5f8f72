/**
 * The only file that knows how keys in Redis are called. Beside the audio, PRODUCT §5 reserves: `tts:stats` (hash,
 * counters over all servers), `rate:tts:…` (one key per user, all windows), `tts:flight:…` and `tts:live:…` (lease and
 * live audio of a synthesis in progress; both carry the same `{hash tag}`, so that they share a cluster slot).
 */
import type { CacheKey } from "../core/cache-key.ts";

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
