import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { JsonLines } from "./json-lines.ts";

describe("JsonLines", () => {
  it("gives the same values however the stream is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.array(fc.nat(40)), fc.boolean(), (values, cuts, ended) => {
        const text = values.map((value) => JSON.stringify(value)).join("\r\n\n") + (ended ? "\n" : "");
        const bytes = new TextEncoder().encode(text);
        const lines = new JsonLines({ maxLineBytes: 1 << 20 });
        const found: unknown[] = [];
        let at = 0;
        for (const cut of cuts) {
          found.push(...lines.push(bytes.subarray(at, at + cut)));
          at += cut;
        }
        found.push(...lines.push(bytes.subarray(at)), ...lines.finish());
        expect(JSON.stringify(found)).toBe(JSON.stringify(values));
      }),
    );
  });

  it("refuses a line that is too long before it has ended, and one that is no JSON", () => {
    const lines = new JsonLines({ maxLineBytes: 100 });
    expect(() => {
      for (let n = 0; n < 11; n++) lines.push(new Uint8Array(10).fill(32));
    }).toThrow(/more than 100 bytes/);
    expect(() => new JsonLines({ maxLineBytes: 100 }).push(new TextEncoder().encode("{oops}\n"))).toThrow();
  });
});
