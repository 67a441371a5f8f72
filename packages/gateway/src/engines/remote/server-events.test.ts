import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ServerEvents } from "./server-events.ts";

describe("ServerEvents", () => {
  it("gives the same data however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue()),
        fc.array(fc.nat(30)),
        fc.constantFrom("\n", "\r\n"),
        (values, cuts, eol) => {
          const lines = values.flatMap((value) => ["event: chunk", ": comment", `data: ${JSON.stringify(value)}`, ""]);
          const bytes = new TextEncoder().encode(lines.map((line) => line + eol).join(""));
          const events = new ServerEvents({ maxEventBytes: 1 << 20 });
          const found: string[] = [];
          let at = 0;
          for (const cut of cuts) {
            found.push(...events.push(bytes.subarray(at, at + cut)));
            at += cut;
          }
          found.push(...events.push(bytes.subarray(at)));
          expect(found).toEqual(values.map((value) => JSON.stringify(value)));
        },
      ),
    );
  });

  it("joins several lines of data, and bounds an event, not the stream", () => {
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    const events = new ServerEvents({ maxEventBytes: 60 });
    expect(events.push(bytes("data:a\ndata: b\n\n\n"))).toEqual(["a\nb"]);
    for (let n = 0; n < 50; n++) expect(events.push(bytes(`data: ${n}\n\n`))).toEqual([String(n)]);
    expect(() => {
      for (let n = 0; n < 10; n++) events.push(bytes(`data: ${"x".repeat(10)}\n`));
    }).toThrow(/more than 60 bytes/);
  });
});
