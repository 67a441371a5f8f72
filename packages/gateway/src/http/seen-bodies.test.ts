import { describe, expect, it } from "vitest";
import { SeenBodies } from "./seen-bodies.ts";

const body = (value: unknown) => Buffer.from(JSON.stringify(value));

describe("SeenBodies", () => {
  it("gives the same value for the same bytes, and nobody can change it for the others", () => {
    const bodies = new SeenBodies();
    const first = bodies.parse(body({ input: "Grüße", turns: [{ text: "one" }] }));
    expect(first).toEqual({ input: "Grüße", turns: [{ text: "one" }] });
    expect(bodies.parse(body({ input: "Grüße", turns: [{ text: "one" }] }))).toBe(first);
    expect(() => Object.assign((first as { turns: object[] }).turns[0]!, { text: "two" })).toThrow(TypeError);
    expect(() => Object.assign(first as object, { input: "" })).toThrow(TypeError);
  });

  it("takes bytes for what they are, not for what they look like", () => {
    const bodies = new SeenBodies();
    bodies.parse(Buffer.from('{"input":"\u00e9"}', "utf8")); // C3 A9
    expect(bodies.parse(Buffer.from('{"input":"\u00c3\u00a9"}', "utf8"))).toEqual({ input: "\u00c3\u00a9" });
    expect(() => bodies.parse(Buffer.from('{"input":"\u00e9"}', "latin1"))).toThrow(
      expect.objectContaining({ code: "invalid_json" }),
    );
  });

  it("refuses what it has refused before", () => {
    const bodies = new SeenBodies();
    for (let time = 0; time < 2; time++)
      expect(() => bodies.parse(Buffer.from('{"a":1,"a":2}'))).toThrow(
        expect.objectContaining({ code: "invalid_json" }),
      );
  });

  it("forgets the oldest, and keeps no long ones", () => {
    const bodies = new SeenBodies();
    const first = bodies.parse(body({ input: "first" }));
    for (let n = 0; n < 500; n++) bodies.parse(body({ input: `text ${n}` }));
    expect(bodies.parse(body({ input: "first" }))).not.toBe(first);
    const long = bodies.parse(body({ input: "long ".repeat(300) }));
    expect(bodies.parse(body({ input: "long ".repeat(300) }))).not.toBe(long);
    expect(Object.isFrozen(long)).toBe(false);
  });

  it("hands on what is no object", () => {
    const bodies = new SeenBodies();
    expect([bodies.parse(Buffer.from("null")), bodies.parse(Buffer.from("7"))]).toEqual([null, 7]);
  });
});
