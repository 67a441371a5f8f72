import type { CacheOutcome, CacheState } from "@mynah/client";

/** Bytes a second of audio would take as base64 of 48 kbit/s MP3: 48,000 / 8 × 4 / 3. What JSON speech APIs send. */
export const BASE64_MP3_BYTES_PER_SECOND = 8000;

/** `840 µs`, `12 ms`, `1.24 s`. */
export function duration(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1000)} µs`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** `812 B`, `18.2 kB`, `1.40 MB`: decimal units, as networks count. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  return count < 999_950 ? `${(count / 1000).toFixed(1)} kB` : `${(count / 1e6).toFixed(2)} MB`;
}

/** `15.2 MiB`, `64 MiB`: what a setting bounds is told in the units in which it is set. */
export function mebibytes(count: number): string {
  const mebi = count / 1024 / 1024;
  return `${Number.isInteger(mebi) ? mebi : mebi.toFixed(1)} MiB`;
}

const PART_NAMES: Readonly<Record<string, string>> = { redisAudio: "redis, for audio", redisState: "redis, for state" };

/** What `/readyz` calls a part, in words. */
export function partName(name: string): string {
  return PART_NAMES[name] ?? name;
}

/** `0:07.3`, `12:05.0`. */
export function clock(seconds: number): string {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
}

/** How a download compares with base64 of 48 kbit/s MP3 of the same length, for better or worse. */
export function saving(byteCount: number, durationS: number): string {
  const ratio = byteCount / (BASE64_MP3_BYTES_PER_SECOND * durationS);
  if (ratio <= 1) return `${Math.floor((1 - ratio) * 100)} % less`; // floor: never claim a percent that was not saved
  return ratio < 2 ? `${Math.ceil((ratio - 1) * 100)} % more` : `${ratio.toFixed(1)}× as much`;
}

const VERDICTS: Readonly<Record<CacheState, string>> = {
  hit: "Stored already. No engine was asked.",
  stale: "Stored, and kept past its time because no engine could renew it.",
  miss: "New to this gateway. An engine spoke it.",
  coalesced: "Somebody had just asked for the same; you listened in.",
  partial: "Some sentences were stored, the others are new.",
  bypass: "The cache was not asked.",
  unknown: "The gateway did not say how it came by this.",
};

/** One sentence that explains a cache outcome to a newcomer. */
export function verdict({ state, stored, detail }: CacheOutcome): string {
  if (state === "partial" && detail !== undefined && /^\d+\/\d+$/.test(detail)) {
    const [have, all] = detail.split("/");
    return `${have} of ${all} sentences were stored, the rest is new.`;
  }
  return state === "miss" && stored ? `${VERDICTS.miss} The next time is a hit.` : VERDICTS[state];
}

/** `0`, `0.42`, `12.5`, `1,234`: no more digits than say something. */
export function count(value: number): string {
  const digits = Number.isInteger(value) || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

/** Of a hundred: `0 %`, `7.3 %`, `64 %`. */
export function percent(value: number): string {
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

/** In whatever currency the prices are: `0.0042`, `1.20`, `1,234`. */
export function money(value: number): string {
  if (value > 0 && value < 0.01) return value.toFixed(4);
  return value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

/** `42 s`, `12 min`, `3 h 20 min`, `5 d 2 h`. */
export function longTime(seconds: number): string {
  const s = Math.floor(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}
