import { describe, expect, it } from "vitest";
import { RATE_REFUSED_KEY, RATE_RESETS_KEY, RATE_SERVERS_KEY, rateKey, tenantRateKey } from "./keys.ts";

/** What Redis Cluster hashes: what stands between the first brace and the next closing one. */
const tagOf = (key: string): string | undefined => /\{([^}]+)\}/.exec(key)?.[1];

describe("rateKey()", () => {
  it("puts a user and its tenant into one cluster slot, and users without a tenant anywhere", () => {
    for (const tenant of ["acme", "a:b", "{x}", "", "é"]) {
      const tag = tagOf(tenantRateKey(tenant));
      expect(tag).toBeDefined();
      for (const user of ["ann", "", "}{", "*"]) expect(tagOf(rateKey({ user, tenant }))).toBe(tag);
    }
    expect(tagOf(rateKey({ user: "ann" }))).not.toBe(tagOf(rateKey({ user: "bob" })));
  });

  it("never gives two of them the same key", () => {
    const names = [
      "ann",
      "acme",
      "",
      ":",
      "ann:",
      ":ann",
      "{ann}",
      "%3A",
      "~",
      "~0",
      "é",
      "e\u0301",
      "\ud800",
      "\udfff",
      "=",
      "x".repeat(200),
    ];
    const keys = [RATE_SERVERS_KEY, RATE_REFUSED_KEY, RATE_RESETS_KEY];
    for (const user of names) {
      keys.push(rateKey({ user }), tenantRateKey(user));
      for (const tenant of names) keys.push(rateKey({ user, tenant }));
    }
    expect(new Set(keys).size).toBe(keys.length);
  });
});
