import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { clientAddress, trustedProxies } from "./client-address.ts";

const request = (peer: string, forwarded?: string) =>
  ({
    socket: { remoteAddress: peer },
    headers: forwarded === undefined ? {} : { "x-forwarded-for": forwarded },
  }) as unknown as IncomingMessage;

describe("clientAddress()", () => {
  it("believes nobody unless told to", () => {
    expect(clientAddress(undefined)(request("10.0.0.7", "203.0.113.9"))).toBe("10.0.0.7");
  });

  it.each([
    ["a trusted proxy's word", "10.0.0.0/8", "10.0.0.7", "203.0.113.9", "203.0.113.9"],
    [
      "the last address that no trusted proxy vouches for",
      "10.0.0.0/8",
      "10.0.0.7",
      "1.1.1.1, 203.0.113.9, 10.0.0.8",
      "203.0.113.9",
    ],
    ["the peer where it is not trusted", "10.0.0.0/8", "192.0.2.1", "203.0.113.9", "192.0.2.1"],
    ["the peer where nothing was forwarded", "loopback", "127.0.0.1", undefined, "127.0.0.1"],
    ["IPv4 in IPv6, by its private network", "uniquelocal", "::ffff:172.18.0.4", "2001:db8::5", "2001:db8::5"],
    ["one of several", "192.0.2.1, ::1", "::1", "203.0.113.9", "203.0.113.9"],
  ] as const)("takes %s", (_, trusted, peer, forwarded, expected) => {
    expect(clientAddress(trustedProxies(trusted))(request(peer, forwarded))).toBe(expected);
  });

  it.each(["10.0.0.0/99", "everyone", "300.1.1.1"])("says that %s is not understood", (list) => {
    expect(() => trustedProxies(list)).toThrow(TypeError);
  });
});
