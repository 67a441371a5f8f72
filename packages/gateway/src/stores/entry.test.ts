import { crc32, deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyFor, speechOf } from "../../test/conformance/audio-store.ts";
import type { AudioFormatName } from "../core/audio-format.ts";
import type { SpeechMetadata, StoredSpeech } from "../core/ports.ts";
import { decodeEntry, encodeEntry, MAX_RAW_BYTES } from "./entry.ts";

const key = keyFor("entry");
const encode = (speech: StoredSpeech, compressionLevel = 6) => encodeEntry(key, speech, { compressionLevel });
const as = (name: AudioFormatName, audio: Uint8Array): StoredSpeech => {
  const { metadata } = speechOf();
  return { metadata: { ...metadata, format: { name, sampleRateHz: 24_000 } }, audio };
};
/** A quiet hum: what zlib can shrink. */
const pcm = Uint8Array.from({ length: 48_000 }, (_, i) => (i % 2 ? 0 : Math.round(20 + 20 * Math.sin(i / 50))));

function headOf(entry: Uint8Array): Record<string, unknown> {
  const view = Buffer.from(entry);
  return JSON.parse(view.toString("utf8", 4, 4 + view.readUInt32BE(0))) as Record<string, unknown>;
}

/** An entry with a right checksum over whatever head and audio: what a hostile or newer writer could make. */
async function forged(change: Record<string, unknown>, stored: Uint8Array): Promise<Uint8Array> {
  const { checksum: _, ...head } = headOf(await encode(speechOf()));
  const rest = JSON.stringify({ ...head, ...change }).slice(1);
  const covered = Buffer.concat([Buffer.from(`",${rest}`), stored]);
  const sum = crc32(covered).toString(16).padStart(8, "0");
  const json = Buffer.from(`{"checksum":"${sum}",${rest}`);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.byteLength);
  return Buffer.concat([length, json, stored]);
}

describe("encodeEntry()", () => {
  it("lays out length, JSON and audio as documented", async () => {
    const speech = speechOf(300);
    const entry = await encode(speech);
    expect(headOf(entry)).toEqual({
      checksum: expect.stringMatching(/^[0-9a-f]{8}$/),
      version: 1,
      key,
      encoding: "identity",
      rawBytes: 300,
      metadata: speech.metadata,
    });
    expect(new Uint8Array(entry.subarray(-300))).toEqual(speech.audio);
  });

  it.each(["pcm", "wav"] as const)("makes %s smaller with zlib, and not at level 0", async (format) => {
    const packed = await encode(as(format, pcm));
    expect(headOf(packed).encoding).toBe("zlib");
    expect(packed.byteLength).toBeLessThan(pcm.byteLength / 2);
    const plain = await encode(as(format, pcm), 0);
    expect(headOf(plain).encoding).toBe("identity");
    for (const entry of [packed, plain]) {
      const decoded = await decodeEntry(key, entry);
      expect("speech" in decoded && Buffer.compare(decoded.speech.audio, pcm)).toBe(0);
    }
  });

  it("does not try zlib on formats that are packed already, nor keeps it where it does not pay", async () => {
    expect(headOf(await encode(as("mp3", pcm))).encoding).toBe("identity");
    const noise = fc.sample(fc.uint8Array({ minLength: 500, maxLength: 500 }), { numRuns: 1, seed: 1 })[0]!;
    expect(headOf(await encode(as("pcm", noise))).encoding).toBe("identity");
  });

  it("refuses metadata without bound", async () => {
    const words = Array.from({ length: 20_000 }, () => ({ from: 0, to: 4, startMs: 1, endMs: 2 }));
    await expect(encode({ ...speechOf(), metadata: { ...speechOf().metadata, words } })).rejects.toThrow(RangeError);
  });
});

describe("decodeEntry()", () => {
  const amount = fc.double({ min: 0, max: 1e9, noNaN: true, noDefaultInfinity: true }).map(Math.abs);
  const metadata: fc.Arbitrary<SpeechMetadata> = fc.record(
    {
      format: fc.record(
        {
          name: fc.constantFrom("mp3", "opus", "aac", "flac", "wav", "pcm"),
          sampleRateHz: fc.nat(),
          bitrateBps: fc.nat(),
          encoding: fc.constantFrom("s16", "mulaw", "alaw"),
        },
        { requiredKeys: ["name", "sampleRateHz"] },
      ),
      durationMs: amount,
      engine: fc.string({ unit: "binary" }),
      voice: fc.string(),
      characters: fc.nat(),
      createdAtMs: amount,
      generation: fc.constantFrom(0, 1),
      soundMs: amount,
      words: fc.array(fc.record({ from: fc.nat(), to: fc.nat(), startMs: amount, endMs: amount })),
    },
    {
      requiredKeys: ["format", "durationMs", "engine", "voice", "characters", "createdAtMs", "generation"],
      noNullPrototype: true,
    },
  ) as fc.Arbitrary<SpeechMetadata>;
  const speech = fc.record(
    { metadata, audio: fc.uint8Array({ minLength: 1, maxLength: 2000 }) },
    { noNullPrototype: true },
  );

  it("gives back whatever was encoded", async () => {
    await fc.assert(
      fc.asyncProperty(speech, async (one) => {
        const decoded = await decodeEntry(key, await encode(one));
        expect("speech" in decoded && decoded.speech.metadata).toEqual(JSON.parse(JSON.stringify(one.metadata)));
        expect("speech" in decoded && new Uint8Array(decoded.speech.audio)).toEqual(one.audio);
      }),
    );
  });

  it("never throws, whatever the bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 4000 }), async (bytes) => {
        expect(await decodeEntry(key, bytes)).toHaveProperty("bad");
      }),
    );
  });

  it("notices every truncation and every appended byte", async () => {
    const entry = await encode(speechOf(40));
    for (let length = 0; length < entry.byteLength; length++) {
      expect(await decodeEntry(key, entry.subarray(0, length))).toHaveProperty("bad");
    }
    expect(await decodeEntry(key, Buffer.concat([entry, Buffer.alloc(1)]))).toEqual({ bad: "corrupt" });
  });

  it.each([speechOf(40), as("pcm", pcm.subarray(0, 400))])("notices every flipped bit", async (one) => {
    const entry = await encode(one);
    for (let bit = 0; bit < entry.byteLength * 8; bit++) {
      const flipped = Buffer.from(entry);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(await decodeEntry(key, flipped), `bit ${bit}`).toHaveProperty("bad");
    }
  });

  it("notices a length that takes a blank byte of the audio for JSON", async () => {
    const entry = Buffer.from(await encode(as("pcm", new Uint8Array(40).fill(0x20)), 0));
    entry.writeUInt32BE(entry.readUInt32BE(0) + 1, 0);
    expect(await decodeEntry(key, entry)).toEqual({ bad: "corrupt" });
  });

  it.each([0xffff_ffff, 0x8000_0000, 100_000, 0])("survives a metadata length of %i", async (length) => {
    const entry = Buffer.from(await encode(speechOf()));
    entry.writeUInt32BE(length, 0);
    expect(await decodeEntry(key, entry)).toHaveProperty("bad");
  });

  it("calls an entry of another key a mismatch, also when the Redis keys are the same", async () => {
    const twin = (key.slice(0, 32) + keyFor("x").slice(32)) as typeof key;
    const entry = await encodeEntry(twin, speechOf(), { compressionLevel: 0 });
    expect(await decodeEntry(key, entry)).toEqual({ bad: "mismatch" });
  });

  it("calls what another program or version wrote foreign", async () => {
    const { metadata: _, ...bare } = headOf(await encode(speechOf()));
    for (const bytes of [
      "",
      "hello",
      JSON.stringify(bare),
      "\0\0\0\x02{}audio",
      `\0\0\0\x7f${JSON.stringify({ voice: "alloy", size: 3 }).padEnd(127)}abc`,
    ]) {
      expect(await decodeEntry(key, Buffer.from(bytes))).toEqual({ bad: "foreign" });
    }
  });

  it("checks every field even under a right checksum", async () => {
    const { metadata } = speechOf();
    const { audio } = speechOf(256);
    expect(await decodeEntry(key, await forged({ future: 1 }, audio))).toHaveProperty("speech"); // the forgery works
    for (const change of [
      { version: 2 },
      { encoding: "brotli" },
      { rawBytes: -1 },
      { rawBytes: "256" },
      { metadata: null },
      { metadata: [] },
      { metadata: { ...metadata, format: { name: "exe", sampleRateHz: 1 } } },
      { metadata: { ...metadata, format: { name: "mp3", sampleRateHz: 0.5 } } },
      { metadata: { ...metadata, format: { name: "wav", sampleRateHz: 8000, encoding: "law" } } },
      { metadata: { ...metadata, durationMs: "1" } },
      { metadata: { ...metadata, generation: 2 } },
      { metadata: { ...metadata, words: [{ from: 0, startMs: 1 }] } },
      { metadata: { ...metadata, words: "a" } },
    ]) {
      expect(await decodeEntry(key, await forged(change, audio)), JSON.stringify(change)).toEqual({ bad: "foreign" });
    }
    expect(await decodeEntry(key, await forged({ rawBytes: 255 }, audio))).toEqual({ bad: "corrupt" });
  });

  it("does not inflate a bomb beyond what the entry admits to, nor beyond our own bound", async () => {
    const bomb = deflateSync(Buffer.alloc(8 << 20)); // 8 MiB in 8 KiB
    const claim = (rawBytes: number, stored: Uint8Array = bomb) => forged({ encoding: "zlib", rawBytes }, stored);
    expect(await decodeEntry(key, await claim(1000))).toEqual({ bad: "corrupt" });
    expect(await decodeEntry(key, await claim(MAX_RAW_BYTES + 1))).toEqual({ bad: "corrupt" });
    expect(await decodeEntry(key, await claim(MAX_RAW_BYTES, Buffer.alloc(100)))).toEqual({ bad: "corrupt" });
    expect(await decodeEntry(key, await claim(100, Buffer.from("not zlib at all")))).toEqual({ bad: "corrupt" });
    expect(await decodeEntry(key, await claim(8 << 20))).toHaveProperty("speech");
  });
});
