import { randomInt } from "node:crypto";
import fc from "fast-check";
import { concat } from "../../src/core/async.ts";

/** `npm run fuzz` sets both. A property that fails prints its seed. */
const runs = Number(process.env.FUZZ_RUNS ?? 120);
const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31));

/** For `fc.assert`. `share`: of the runs, for what takes long. */
export const howLong = (share = 1): { readonly numRuns: number; readonly seed: number } => ({
  numRuns: Math.max(10, Math.round(runs * share)),
  seed,
});

/** Bytes that begin, end or lengthen something in one of the formats. */
const TELLING = [0, 1, 0x0a, 0x22, 0x2d, 0x4f, 0x52, 0x66, 0x7b, 0x7f, 0x80, 0xc3, 0xf8, 0xfe, 0xff];

type Edit = (bytes: Uint8Array) => Uint8Array;

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const at = (share: number, bytes: Uint8Array): number => Math.floor(share * bytes.length);

const edits: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(place, fc.nat(7)).map(
    ([where, bit]): Edit =>
      (bytes) => {
        const changed = new Uint8Array(bytes);
        if (changed.length > 0) changed[at(where, bytes)]! ^= 1 << bit;
        return changed;
      },
  ),
  fc.tuple(place, fc.constantFrom(...TELLING), fc.integer({ min: 1, max: 4 })).map(
    ([where, byte, count]): Edit =>
      (bytes) => {
        const from = at(where, bytes);
        return new Uint8Array(bytes).fill(byte, from, from + count);
      },
  ),
  fc.tuple(place, fc.uint8Array({ minLength: 1, maxLength: 12 })).map(
    ([where, more]): Edit =>
      (bytes) => {
        const from = at(where, bytes);
        return concat([bytes.subarray(0, from), more, bytes.subarray(from)]);
      },
  ),
  fc.tuple(place, fc.integer({ min: 1, max: 200 })).map(
    ([where, count]): Edit =>
      (bytes) => {
        const from = at(where, bytes);
        return concat([bytes.subarray(0, from), bytes.subarray(from + count)]);
      },
  ),
  fc.tuple(place, place).map(
    ([where, to]): Edit =>
      (bytes) => {
        const from = at(where, bytes);
        const again = bytes.subarray(from, from + 400);
        return concat([bytes.subarray(0, at(to, bytes)), again, bytes.subarray(at(to, bytes))]);
      },
  ),
  place.map(
    (where): Edit =>
      (bytes) =>
        bytes.subarray(0, at(where, bytes)),
  ),
);

/** One of some valid inputs with a few changes: what gets further into a parser than noise does. Noise as well, and no change. */
export function mutated(seeds: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const changed = fc
    .tuple(fc.constantFrom(...seeds), fc.array(edits, { maxLength: 6 }))
    .map(([bytes, changes]) => changes.reduce((some, edit) => edit(some), bytes));
  return fc.oneof({ weight: 9, arbitrary: changed }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 600 }) });
}

export const mutatedText = (seeds: readonly string[]): fc.Arbitrary<string> =>
  mutated(seeds.map((text) => Buffer.from(text))).map((bytes) => Buffer.from(bytes).toString("utf8"));

/** Where a stream is cut. */
export const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 3000 })), {
  maxLength: 12,
});

/** A copy of each piece, or a parser could look beyond it. */
export function* piecesOf(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  let from = 0;
  for (const size of sizes) {
    if (from >= bytes.length) return;
    yield new Uint8Array(bytes.subarray(from, from + size));
    from += size;
  }
  if (from < bytes.length) yield new Uint8Array(bytes.subarray(from));
}
