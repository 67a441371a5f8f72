/**
 * How the gateway came by the audio. `hit`: all of it was stored. `stale`: stored, past its time, within grace.
 * `coalesced`: joined a synthesis that was already running. `partial`: some segments were stored.
 * `bypass`: the request asked not to look. `unknown`: the header is missing or not from a Mynah.
 */
export type CacheState = "hit" | "stale" | "miss" | "coalesced" | "partial" | "bypass" | "unknown";

export type CacheOutcome = {
  readonly state: CacheState;
  /** Whether the gateway keeps the audio for the next caller. */
  readonly stored: boolean;
  /** What the gateway adds in words, for example `2/3`: two of three segments were stored. */
  readonly detail?: string;
};

const MEMBER = /(?:[^,"]|"(?:[^"\\]|\\.)*")+/g;
const PART = /(?:[^;"]|"(?:[^"\\]|\\.)*")+/g;

/** Reads `Cache-Status` (RFC 9211). Other caches on the way add members of their own; only the one named `mynah` counts. */
export function parseCacheStatus(header: string | null): CacheOutcome {
  for (const member of header?.match(MEMBER) ?? []) {
    const [name, ...parts] = (member.match(PART) ?? []).map((part) => part.trim());
    if (unquote(name ?? "").toLowerCase() !== "mynah") continue;
    const params = new Map(parts.map(readParam));
    const detail = params.get("detail");
    return { state: stateOf(params), stored: params.has("stored"), ...(detail !== undefined && { detail }) };
  }
  return { state: "unknown", stored: false };
}

function stateOf(params: ReadonlyMap<string, string>): CacheState {
  const fwd = params.get("fwd");
  const ttl = Number(params.get("ttl") ?? 0);
  if (params.has("hit")) return fwd === "stale" || ttl < 0 ? "stale" : "hit"; // RFC 9211: a negative ttl says how long it is stale
  // Asked for anew in vain (`fwd-status` says how), so what was heard is what had expired.
  if (fwd === "stale" && Number(params.get("fwd-status") ?? 0) >= 500) return "stale";
  if (params.has("collapsed")) return "coalesced";
  if (fwd === "partial") return "partial";
  if (fwd === "bypass" || fwd === "request") return "bypass";
  return fwd === undefined ? "unknown" : "miss";
}

function readParam(part: string): [string, string] {
  const at = part.indexOf("=");
  return at < 0
    ? [part.toLowerCase(), ""]
    : [part.slice(0, at).trim().toLowerCase(), unquote(part.slice(at + 1).trim())];
}

function unquote(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replaceAll(/\\(.)/g, "$1") : value;
}
