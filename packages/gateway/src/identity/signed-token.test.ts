import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/support/manual-clock.ts";
import { signedTokens, type TokenClaims } from "./signed-token.ts";

const claims: TokenClaims = { purpose: "link", user: "ann", tenant: "acme", binds: "digest" };

describe("signedTokens()", () => {
  it("verifies what it signed until its time is over, for its purpose, under its secret", async () => {
    const clock = manualClock();
    const tokens = signedTokens({ secret: "a secret that is long enough", clock });
    const token = tokens.sign(claims, { ttlMs: 1_000 });
    expect(token).toMatch(/^[\w-]+\.[\w-]{43}$/);
    expect(tokens.verify(token, "link")).toEqual({ ...claims, expiresAtMs: clock.now() + 1_000 });
    expect(tokens.verify(token, "socket")).toBeUndefined();
    expect(signedTokens({ secret: "another one, just as long", clock }).verify(token, "link")).toBeUndefined();
    await clock.advance(999);
    expect(tokens.verify(token, "link")).toEqual({ ...claims, expiresAtMs: clock.now() + 1 });
    await clock.advance(1);
    expect(tokens.verify(token, "link")).toBeUndefined();
  });

  it("verifies nothing else", () => {
    const tokens = signedTokens({ secret: "a secret that is long enough", clock: manualClock() });
    const token = tokens.sign(claims, { ttlMs: 1_000 });
    const changed = fc
      .tuple(fc.nat(token.length - 2), fc.constantFrom(..."Ab0-_."))
      .map(([at, letter]) => token.slice(0, at) + letter + token.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(fc.string(), changed), (other) => {
        if (other !== token) expect(tokens.verify(other, "link")).toBeUndefined();
      }),
    );
  });

  it("wants a secret worth the name", () => {
    expect(() => signedTokens({ secret: "short", clock: manualClock() })).toThrow(RangeError);
  });
});
