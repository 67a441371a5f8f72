import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { duplicateKey, parseStrictJson } from "./strict-json.ts";

const parse = (text: string) => parseStrictJson(Buffer.from(text));

describe("parseStrictJson()", () => {
  it("reads every JSON value as JSON.parse does", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['{"a":1,"a":2}', "a"],
    ['{"a":{"b":1,"c":[{"b":2}],"b":3}}', "b"],
    ['{"a":1,"\\u0061":2}', "a"],
    ['[{"x":"}","x":1}]', "x"],
    ['{"\\"":1,"\\"":2}', '"'],
    ['{"__proto__":1,"__proto__":2}', "__proto__"],
    [`{${Array.from({ length: 40 }, (_, n) => `"k${n}":{"k1":[]}`).join()},"k30":1}`, "k30"],
  ])("refuses %s for its second %s", (text, key) => {
    expect(duplicateKey(text)).toBe(key);
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: "invalid_json" }));
  });

  it.each([
    '{"a":"a","b":"a"}',
    '[{"a":1},{"a":2}]',
    '{"a":{"a":{"a":[]}}}',
    '{"a":"\\\\","b":"{\\"a\\":1,\\"a\\":2}"}',
  ])("finds nothing wrong with %s", (text) => {
    expect(duplicateKey(text)).toBeUndefined();
  });

  it.each(["", "{", '{"a":NaN}', "nul", '{"a":1,}', "\ufeff{}x"])("refuses %j, which is not JSON", (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: "invalid_json" }));
  });

  it("refuses bytes that are not UTF-8", () => {
    expect(() => parseStrictJson(Buffer.from([0x22, 0xff, 0x22]))).toThrow(
      expect.objectContaining({ code: "invalid_json" }),
    );
  });
});
