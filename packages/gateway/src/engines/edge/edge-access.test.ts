import { describe, expect, it } from "vitest";
import { manualClock } from "../../../test/support/manual-clock.ts";
import { EdgeAccess } from "./edge-access.ts";
import { EDGE_DEFAULTS } from "./edge-engine.ts";

describe("EdgeAccess", () => {
  const AT = Date.UTC(2026, 10, 22, 9, 58, 13);
  const accessAt = (ms: number): EdgeAccess => new EdgeAccess({ ...EDGE_DEFAULTS, clock: manualClock(ms) });

  it("token() is the hash that the service expects, the same for five minutes", () => {
    // printf '134398149000000000%s' 6A5A… | sha256sum
    expect(accessAt(AT).token()).toBe("5E1369183671AF153D44622416E359D0A59E868E4ED1FE6EF5201B68F88A9253");
    expect(accessAt(AT - 180_000).token()).toBe(accessAt(AT).token());
    expect(accessAt(AT + 120_000).token()).not.toBe(accessAt(AT).token());
  });
  it("learn() takes over the service's time, whatever was learnt before", () => {
    const access = accessAt(AT);
    expect(access.learn(new Date(AT + 3_600_000).toUTCString())).toBe(true);
    expect(access.token()).toBe(accessAt(AT + 3_600_000).token());
    expect(access.learn(new Date(AT - 86_400_000).toUTCString())).toBe(true);
    expect(access.token()).toBe(accessAt(AT - 86_400_000).token());
    for (const none of [undefined, null, "", "yesterday"]) expect(access.learn(none)).toBe(false);
    expect(access.token()).toBe(accessAt(AT - 86_400_000).token());
  });
  it("asks under the same address as the browser, each time with a new number and muid", () => {
    const access = accessAt(AT);
    expect(access.socketQuery()).toMatch(
      /^TrustedClientToken=6A5AA1D4EAFF4E9FB37E23D68491D6F4&ConnectionId=[0-9a-f]{32}&Sec-MS-GEC=[0-9A-F]{64}&Sec-MS-GEC-Version=1-143\.0\.3650\.75$/,
    );
    expect(access.listQuery()).toMatch(/^trustedclienttoken=6A5A\w+&Sec-MS-GEC=\w{64}&Sec-MS-GEC-Version=1-143\./);
    expect(access.socketHeaders()).toMatchObject({
      Pragma: "no-cache",
      "Cache-Control": "no-cache",
      Origin: "chrome-extension://jdiccldimpdaibmpdkjnbmckianbfold",
      "Accept-Encoding": "gzip, deflate, br, zstd",
      "Accept-Language": "en-US,en;q=0.9",
      Cookie: expect.stringMatching(/^muid=[0-9A-F]{32};$/),
      "User-Agent": expect.stringMatching(/ Chrome\/143\.0\.0\.0 Safari\/537\.36 Edg\/143\.0\.0\.0$/),
    });
    expect(access.socketHeaders().Cookie).not.toBe(access.socketHeaders().Cookie);
    expect(access.socketQuery()).not.toBe(access.socketQuery());
  });
});
