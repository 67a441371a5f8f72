import { hash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AUDIO_FORMAT_NAMES } from "./audio-format.ts";
import { cacheKey, type SpeechIdentity } from "./cache-key.ts";

const sha256 = (text: string) => hash("sha256", text);
const keyOf = (identity: SpeechIdentity) => cacheKey(identity, sha256);

// Few distinct values per field, with separators, quotes and look-alikes among them, so that clashes are likely if they are possible.
const word = fc.constantFrom("", "a", "b", "ab", 'a","b', "a\u0000", "null", "1", "[", "é", "é".normalize("NFD"), "A");
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const identity: fc.Arbitrary<SpeechIdentity> = fc.record({
  engine: word,
  engineVersion: word,
  voice: word,
  text: word,
  speed: fc.constantFrom(0.25, 1, 1.1, 4),
  pitch: fc.constantFrom(0.5, 1, 2),
  volume: fc.constantFrom(0.5, 1, 2),
  style: optional(word),
  shape: optional(
    fc.record({ tempo: fc.constantFrom(1, 2), pitch: fc.constantFrom(1, 2), gain: fc.constantFrom(1, 2) }),
  ),
  model: optional(word),
  language: optional(word),
  instructions: optional(word),
  seed: optional(fc.constantFrom(0, 1)),
  phonemes: optional(
    fc.array(fc.record({ from: fc.constantFrom(0, 1), to: fc.constant(2), alphabet: word, phonemes: word }), {
      minLength: 1,
      maxLength: 2,
    }),
  ),
  format: fc.record({
    name: fc.constantFrom(...AUDIO_FORMAT_NAMES),
    sampleRateHz: fc.constantFrom(16_000, 24_000),
    bitrateBps: optional(fc.constantFrom(24_000, 48_000)),
    encoding: optional(fc.constantFrom("s16", "mulaw", "alaw")),
  }),
});

describe("cacheKey()", () => {
  it("differs when any field that shapes the sound differs", () => {
    const base: SpeechIdentity = {
      engine: "flite",
      engineVersion: "1",
      voice: "slt",
      text: "Hello.",
      speed: 1,
      pitch: 1,
      volume: 1,
      model: "m",
      language: "en",
      instructions: "calm",
      seed: 1,
      format: { name: "mp3", sampleRateHz: 24_000, bitrateBps: 48_000 },
    };
    const changed: SpeechIdentity[] = [
      base,
      { ...base, engine: "edge" },
      { ...base, engineVersion: "2" },
      { ...base, voice: "rms" },
      { ...base, text: "Hello!" },
      { ...base, text: "hello." },
      { ...base, speed: 1.01 },
      { ...base, pitch: 1.01 },
      { ...base, model: undefined },
      { ...base, language: "en-US" },
      { ...base, instructions: "angry" },
      { ...base, seed: 2 },
      { ...base, volume: 2 },
      { ...base, style: "calm" },
      ...[
        { tempo: 2, pitch: 1, gain: 1 },
        { tempo: 1, pitch: 2, gain: 1 },
        { tempo: 1, pitch: 1, gain: 2 },
      ].map((shape) => ({ ...base, shape })),
      ...[
        [{ from: 0, to: 5, alphabet: "ipa", phonemes: "h" }],
        [{ from: 0, to: 4, alphabet: "ipa", phonemes: "h" }],
        [{ from: 0, to: 5, alphabet: "x-sampa", phonemes: "h" }],
        [{ from: 0, to: 5, alphabet: "ipa", phonemes: "x" }],
      ].map((phonemes) => ({ ...base, phonemes })),
      { ...base, style: "calm", instructions: undefined },
      { ...base, format: { ...base.format, name: "opus" } },
      { ...base, format: { ...base.format, sampleRateHz: 16_000 } },
      { ...base, format: { ...base.format, bitrateBps: 64_000 } },
      { ...base, format: { name: "wav", sampleRateHz: 8000 } },
      { ...base, format: { name: "wav", sampleRateHz: 8000, encoding: "mulaw" } },
      { ...base, format: { name: "wav", sampleRateHz: 8000, encoding: "alaw" } },
    ];
    expect(new Set(changed.map(keyOf)).size).toBe(changed.length);
  });

  it("is shared by two identities exactly when they are the same", () => {
    const fields: (keyof SpeechIdentity)[] = ["volume", "style", "shape", "model", "instructions", "seed", "format"];
    const few = fc.subarray(fields, { minLength: 1, maxLength: 2 });
    fc.assert(
      fc.property(identity, identity, few, (a, other, changed) => {
        // Of two at random nearly all fields differ, and any one of them is enough: so all but one or two are alike.
        const b = { ...a, ...Object.fromEntries(changed.map((field) => [field, other[field]])) };
        expect(keyOf(a) === keyOf(b)).toBe(canonical(a) === canonical(b));
      }),
      { numRuns: 3_000 },
    );
  });

  it("does not see field order, absent fields written out, or empty instructions", () => {
    fc.assert(
      fc.property(identity, (one) => {
        const { format, ...rest } = one;
        const reversed = Object.fromEntries(Object.entries({ ...rest, format }).reverse()) as SpeechIdentity;
        const written = { model: undefined, language: undefined, instructions: undefined, seed: undefined, ...one };
        expect(keyOf(reversed)).toBe(keyOf(one));
        expect(keyOf(written)).toBe(keyOf(one));
        if (one.instructions === undefined) expect(keyOf({ ...one, instructions: "" })).toBe(keyOf(one));
      }),
    );
  });

  // Found under these keys is what was stored before formats had an encoding.
  it.each([
    ["mp3", 48_000, "b51e045695b72df0c6ccf2a14c434cf2dc751182d1408c1624f7a797c507ec46"],
    ["opus", 24_000, "b7b904b77bcd3df3205605223cba7938c57e0578c8d76b07d32db031417c4a8c"],
    ["aac", 48_000, "e4ae99bfa62375de25b1c760eeff76a16be02f0a598660cf8321af48ee26b7e0"],
    ["flac", undefined, "347eb9f40ccdeb22b1e27391a10397e3200d080d3d19e1c879e9b80f69777e4d"],
    ["wav", undefined, "d124c231c10d97ff4bf66a256ac469f8f45f510440c677abc71cb13b3eba80f1"],
    ["pcm", undefined, "7dda2ef0b47d9c27bd05a8594946c29453a39d35fd6d3a965f9a6f6ad256c43e"],
  ] as const)("stays what it was for %s", (name, bitrateBps, key) => {
    const format = { name, sampleRateHz: 24_000, ...(bitrateBps !== undefined && { bitrateBps }) };
    const plain = { engine: "flite", engineVersion: "1", voice: "slt", text: "Hello.", speed: 1, pitch: 1, volume: 1 };
    expect(keyOf({ ...plain, format })).toBe(key);
    expect(keyOf({ ...plain, format: { ...format, encoding: "s16" } })).toBe(key);
    expect(keyOf({ ...plain, phonemes: [], format })).toBe(key);
  });

  it("stays what it was where everything is set", () => {
    const all: SpeechIdentity = {
      engine: "azure",
      engineVersion: "2",
      voice: "ava",
      text: "Hello.",
      speed: 1.5,
      pitch: 0.9,
      volume: 0.5,
      style: "calm",
      shape: { tempo: 2, pitch: 1.5, gain: 0.5 },
      model: "m",
      language: "en",
      instructions: "softly",
      seed: 7,
      phonemes: [{ from: 0, to: 5, alphabet: "ipa", phonemes: "həˈloʊ" }],
      format: { name: "wav", sampleRateHz: 8_000, encoding: "alaw" },
    };
    expect(keyOf(all)).toBe("c79f9281f997a7964855e18fc03fce0d1da19cb521e7379724c0cb9b6cfcffd3");
  });

  it("is 64 lower-case hex digits", () => {
    fc.assert(
      fc.property(identity, (one) => {
        expect(keyOf(one)).toMatch(/^[0-9a-f]{64}$/);
      }),
    );
  });
});

/** Another way to say what "the same" means: a nested, sorted list of the fields that are there. */
function canonical(value: object): string {
  const entries = Object.entries(value)
    .filter(
      ([name, field]) =>
        field !== undefined && !(name in { instructions: 0, style: 0 } && field === "") && field !== "s16",
    )
    .map(
      ([name, field]) =>
        `${name}=${typeof field === "object" ? canonical(field) : `${typeof field}:${[...String(field)].map((c) => c.codePointAt(0)).join(".")}`}`,
    );
  return entries.sort().join("\n");
}
