import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SynthesisChunk } from "../core/ports.ts";
import { PassedOn } from "./passed-on.ts";

const word = (n: number) => ({ text: `w${n}`, startMs: n, endMs: n + 1 });

/** The same audio and words, cut at other places. */
function cut(audio: Uint8Array, words: number, cuts: readonly number[]): SynthesisChunk[] {
  const places = [...new Set(cuts.map((at) => Math.min(at, audio.byteLength))), 0, audio.byteLength].sort(
    (a, b) => a - b,
  );
  const chunks: SynthesisChunk[] = [];
  for (let n = 0; n + 1 < places.length; n++) chunks.push({ audio: audio.subarray(places[n], places[n + 1]) });
  const perChunk = Math.ceil(words / chunks.length);
  return chunks.map((chunk, at) => ({
    ...chunk,
    words: Array.from({ length: words }, (_, n) => word(n)).slice(at * perChunk, (at + 1) * perChunk),
  }));
}

describe("PassedOn", () => {
  const anyCuts = fc.array(fc.nat(200), { maxLength: 12 });

  it("passes every byte and word on once, however often and wherever sources break off", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.nat(20),
        fc.array(fc.tuple(anyCuts, fc.nat(12)), { maxLength: 5 }),
        anyCuts,
        (audio, words, broken, last) => {
          const passed = new PassedOn();
          const out: SynthesisChunk[] = [];
          const play = (chunks: readonly SynthesisChunk[]): void => {
            passed.rewind();
            for (const chunk of chunks) out.push(passed.rest(chunk, "x") ?? {});
          };
          for (const [cuts, length] of broken) play(cut(audio, words, cuts).slice(0, length));
          play(cut(audio, words, last));
          passed.checkEnd("x");
          expect(Buffer.concat(out.flatMap((chunk) => chunk.audio ?? [])).equals(audio)).toBe(true);
          expect(out.flatMap((chunk) => chunk.words ?? [])).toEqual(Array.from({ length: words }, (_, n) => word(n)));
        },
      ),
    );
  });

  it("refuses any other byte in what was heard, and an end before its end", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat(), anyCuts, (audio, at, cuts) => {
        const passed = new PassedOn();
        passed.rest({ audio }, "x");
        const other = audio.slice();
        other[at % other.length]! ^= 1;
        passed.rewind();
        expect(() => cut(other, 0, cuts).map((chunk) => passed.rest(chunk, "x"))).toThrow("same way");
        passed.rewind();
        if (audio.length > 1) passed.rest({ audio: audio.subarray(0, -1) }, "x");
        expect(() => passed.checkEnd("x")).toThrow("same way");
      }),
    );
  });
});
