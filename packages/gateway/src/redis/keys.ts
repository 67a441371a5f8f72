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
