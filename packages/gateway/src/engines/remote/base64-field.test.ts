import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat } from "../../core/async.ts";
import { Base64Field } from "./base64-field.ts";

describe("Base64Field", () => {
  it("gives the same bytes and the same rest however the object is cut and escaped", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.jsonValue(), fc.array(fc.nat(9)), fc.nat(2), (audio, other, cuts, style) => {
        const base64 = Buffer.from(audio).toString("base64");
        const escaped = [base64, base64.replaceAll("/", "\\/"), base64.replaceAll("=", "\\u003D")][style]!;
        const json = `{"first": ${JSON.stringify(other)}, "audio" : "${escaped}", "last": ["\\"é"]}`;
        const bytes = new TextEncoder().encode(json);
        const field = new Base64Field({ field: "audio", maxRestBytes: 1 << 20 });
        const found: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          found.push(field.push(bytes.subarray(at, at + cut)));
          at += cut;
        }
        found.push(field.push(bytes.subarray(at)));
        fc.pre(!JSON.stringify(other).includes('"audio"'));
        expect(Buffer.from(concat(found)).equals(audio)).toBe(true);
        expect(field.finish()).toEqual({ first: JSON.parse(JSON.stringify(other)), audio: "", last: ['"é'] });
      }),
    );
  });

  it("throws for what does not end, is none, or is too much", () => {
    const fed = (json: string): Base64Field => {
      const field = new Base64Field({ field: "audio", maxRestBytes: 50 });
      field.push(new TextEncoder().encode(json));
      return field;
    };
    expect(() => fed('{"audio": "AAAA').finish()).toThrow(/does not end/);
    expect(() => fed('{"audio": "AAAA", ').finish()).toThrow();
    expect(fed('{"error": 1}').finish()).toEqual({ error: 1 });
    expect(() => fed(`{"audio": "${"A".repeat(400)}"}`)).not.toThrow();
    expect(() => fed(" ".repeat(51))).toThrow(/more than 50 bytes/);
  });
});
