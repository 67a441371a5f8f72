import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeEntry, encodeEnd, encodeHead, encodePiece, entryId, type RawEntry } from "./live-entry.ts";

const raw = (number: number, ...fields: (string | Buffer)[]): RawEntry => [
  Buffer.from(entryId(number)),
  fields.map((field) => (typeof field === "string" ? Buffer.from(field) : field)),
];
const format = { name: "mp3", sampleRateHz: 24_000, bitrateBps: 48_000 } as const;

describe("decodeEntry()", () => {
  it("gives back what was encoded, in memory of its own", () => {
    const audio = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const words = [{ from: 0, to: 3, startMs: 1.5, endMs: 2 }];
    const fields = encodePiece({ audio, words });
    const entry = decodeEntry(raw(2, ...fields), 2);
    expect(entry).toEqual({ piece: { audio, words } });
    for (const field of fields) if (typeof field !== "string") expect(field.buffer).toBe(audio.buffer);
    audio.fill(0);
    expect((entry as { piece: { audio: Uint8Array } }).piece.audio[255]).toBe(255);
    expect(decodeEntry(raw(1, "head", encodeHead(format)), 1)).toEqual({ head: format });
    for (const end of [
      { how: "done" },
      { how: "left" },
      { how: "failed", code: "engine_timeout", engine: "x" },
    ] as const)
      expect(decodeEntry(raw(7, "end", encodeEnd(end)), 7)).toEqual({ end });
  });

  it.each([
    ["another number", raw(3, "audio", "x")],
    ["a foreign field", raw(2, "audio", "x", "more", "y")],
    ["nothing in it", raw(2)],
    ["an end nobody knows", raw(2, "end", '{"how":"well"}')],
    ["a failure nobody knows", raw(2, "end", '{"how":"failed","code":"toString"}')],
    ["words that are none", raw(2, "words", '[[1,2,"3",4]]')],
    ["a head of another version", raw(2, "head", '{"v":2,"format":{"name":"pcm","sampleRateHz":24000}}')],
    ["a format nobody knows", raw(2, "head", '{"v":1,"format":{"name":"midi"}}')],
  ])("refuses an entry with %s", (_, entry) => expect(decodeEntry(entry, 2)).toBeUndefined());

  it("never throws", () => {
    const bytes = fc.uint8Array({ maxLength: 30 }).map((value) => Buffer.from(value));
    const name = fc.oneof(
      bytes,
      fc.constantFrom("head", "audio", "words", "end").map((text) => Buffer.from(text)),
    );
    const value = fc.oneof(
      bytes,
      fc.json().map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 3 }), (fields) => {
        decodeEntry([Buffer.from("2-0"), fields.flat()], 2);
      }),
    );
  });
});
