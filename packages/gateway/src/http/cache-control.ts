import { type CachePolicy, DEFAULT_CACHE_POLICY } from "../core/utterance.ts";

/** What a request's Cache-Control allows (RFC 9111 §5.2.1). Unknown directives are ignored, as HTTP says. */
export function cachePolicyOf(header: string | undefined): CachePolicy {
  if (header === undefined) return DEFAULT_CACHE_POLICY;
  const directives = new Map<string, string>();
  for (const part of header.toLowerCase().split(",")) {
    const [name = "", value = ""] = part.split("=", 2);
    directives.set(name.trim(), value.trim().replaceAll('"', ""));
  }
  const maxAge = directives.get("max-age");
  const maxAgeSeconds = maxAge !== undefined && /^\d+$/.test(maxAge) ? Number(maxAge) : undefined;
  return {
    read: !directives.has("no-cache") && !directives.has("no-store"),
    write: !directives.has("no-store"),
    onlyIfCached: directives.has("only-if-cached"),
    ...(maxAgeSeconds !== undefined && { maxAgeMs: maxAgeSeconds * 1000 }),
  };
}
