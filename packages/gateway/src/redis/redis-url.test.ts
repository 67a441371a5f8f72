import { describe, expect, it } from "vitest";
import { parseRedisUrl } from "./redis-url.ts";

const plain = { tls: false, username: "", password: "" };

describe("parseRedisUrl()", () => {
  it.each([
    ["redis://localhost", { ...plain, kind: "single", nodes: [{ host: "localhost", port: 6379 }], db: 0 }],
    [
      "rediss://ann:p%40ss%2F@cache.example.org:6380/3",
      {
        kind: "single",
        tls: true,
        username: "ann",
        password: "p@ss/",
        nodes: [{ host: "cache.example.org", port: 6380 }],
        db: 3,
      },
    ],
    [
      "redis://:secret@[::1]:7000/",
      { ...plain, password: "secret", kind: "single", nodes: [{ host: "::1", port: 7000 }], db: 0 },
    ],
    [
      "redis+sentinel://a,b:26380/mymaster/1",
      {
        ...plain,
        kind: "sentinel",
        nodes: [
          { host: "a", port: 26379 },
          { host: "b", port: 26380 },
        ],
        masterName: "mymaster",
        db: 1,
      },
    ],
    [
      "redis+cluster://:pw@a:1,b:2",
      {
        ...plain,
        password: "pw",
        kind: "cluster",
        nodes: [
          { host: "a", port: 1 },
          { host: "b", port: 2 },
        ],
      },
    ],
  ])("reads %s", (url, address) => expect(parseRedisUrl(url)).toEqual(address));

  it.each([
    "",
    "localhost:6379",
    "http://hunter2@x",
    "redis://",
    "redis://:hunter2@x:99999",
    "redis://x:0",
    "redis://a,b",
    "redis://x/one",
    "redis://:hunter2%zz@x",
    "redis+sentinel://x",
    "redis+cluster://x/1",
    "redis+nonsense://x",
  ])("refuses %j and shows how to write one, without what was written", (url) => {
    expect(() => parseRedisUrl(url)).toThrow(/redis:\/\/\[user:password@\]host/);
    expect(() => parseRedisUrl(url)).not.toThrow(/hunter2/);
  });
});
