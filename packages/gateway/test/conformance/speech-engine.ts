import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toInt16 } from "../../src/audio/codec.ts";
import { Codecs } from "../../src/audio/codecs.ts";
import { concat } from "../../src/core/async.ts";
import type { AudioFormat } from "../../src/core/audio-format.ts";
import type { SpeechEngine, SynthesisRequest, WordTime } from "../../src/core/ports.ts";

export type EngineTraits = {
  /** A voice to test with. */
  readonly voice: string;
  /** The same request always gives the same bytes. */
  readonly deterministic: boolean;
  /** Voices whose pitch follows the request; each is tested. */
  readonly pitchVoices?: readonly string[];
  /** A text it must refuse as `engine_cannot_say`. */
  readonly cannotSay?: readonly string[];
  /** Voices are refused by the engine itself, under one of these codes. */
  readonly unknownVoiceCodes: readonly string[];
  /** Most of the listed voices to be spoken with. Default: all. */
  readonly maxVoices?: number;
  /** Plausible milliseconds of audio per character. Default 30 to 160. */
  readonly msPerChar?: readonly [number, number];
};

const TEXT = "The morning train was late again, so we walked along the river and talked.";
/** Voiced throughout, for measuring pitch. */
const VOICED = "All along the yellow lawn, we were all alone.";

export type Spoken = {
  readonly format: AudioFormat;
  readonly audio: Uint8Array;
  readonly samples: Int16Array;
  readonly durationMs: number;
  readonly words: readonly WordTime[] | undefined;
  /** Whether word times came before all audio had. */
  readonly order: readonly ("audio" | "words")[];
};

export const requestOf = (fields: Partial<SynthesisRequest> & { readonly voice: string }): SynthesisRequest => ({
  text: TEXT,
  speed: 1,
  pitch: 1,
  volume: 1,
  wanted: { name: "wav", sampleRateHz: 24_000 },
  ...fields,
});

/** All of one synthesis, decoded. */
export async function speakWith(
  engine: SpeechEngine,
  fields: Partial<SynthesisRequest> & { readonly voice: string },
  signal: AbortSignal = new AbortController().signal,
): Promise<Spoken> {
  const request = requestOf(fields);
  const format = engine.outputFormat(request);
  const chunks: Uint8Array[] = [];
  const order: ("audio" | "words")[] = [];
  let words: readonly WordTime[] | undefined;
  for await (const chunk of engine.synthesize(request, { signal })) {
    if (chunk.audio) {
      expect(chunk.audio.byteLength).toBeGreaterThan(0);
      chunks.push(chunk.audio.slice());
      order.push("audio");
    }
    if (chunk.words) {
      words = [...(words ?? []), ...chunk.words];
      order.push("words");
    }
  }
  const audio = concat(chunks);
  const samples = await samplesOf(audio, format);
  return { format, audio, samples, durationMs: (samples.length / format.sampleRateHz) * 1000, words, order };
}

/** The samples of uncompressed audio as they lie there, of any other as the gateway's own decoder gives them. */
async function samplesOf(audio: Uint8Array, format: AudioFormat): Promise<Int16Array> {
  if (format.name !== "wav" && format.name !== "pcm") return decoded(audio, format);
  const view = new DataView(audio.buffer, audio.byteOffset, audio.byteLength);
  let start = 0;
  if (format.name === "wav") {
    expect(Buffer.from(audio.subarray(0, 4)).toString()).toBe("RIFF");
    expect(view.getUint32(24, true)).toBe(format.sampleRateHz);
    start = 44;
  }
  expect((audio.byteLength - start) % 2).toBe(0);
  return Int16Array.from({ length: (audio.byteLength - start) / 2 }, (_, n) => view.getInt16(start + n * 2, true));
}

/** Throws for audio that is not what the format says: its codec, and its rate. */
async function decoded(audio: Uint8Array, format: AudioFormat): Promise<Int16Array> {
  const decoder = await new Codecs().createDecoder(format, format.sampleRateHz);
  try {
    const parts = [...decoder.decode(audio), ...decoder.finish()];
    expect(decoder.sampleRateHz).toBe(format.sampleRateHz);
    return Int16Array.from(
      parts.flatMap((part) => Array.from(part)),
      toInt16,
    );
  } finally {
    decoder.free();
  }
}

export const peakOf = (samples: Int16Array): number =>
  samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);

/** Median fundamental frequency of the voiced frames, by normalized autocorrelation, in Hz. */
export function medianF0(samples: Int16Array, sampleRateHz: number): number {
  const frame = Math.round(sampleRateHz * 0.04);
  const [shortest, longest] = [Math.floor(sampleRateHz / 420), Math.ceil(sampleRateHz / 40)];
  const found: number[] = [];
  for (let at = 0; at + frame + longest < samples.length; at += frame * 2) {
    const energy = dot(samples, at, at, frame);
    if (energy / frame < 300 ** 2) continue;
    let best = { lag: 0, value: 0 };
    for (let lag = shortest; lag <= longest; lag++) {
      const value = dot(samples, at, at + lag, frame) / Math.sqrt(energy * dot(samples, at + lag, at + lag, frame) + 1);
      if (value > best.value + 0.02) best = { lag, value };
    }
    if (best.value > 0.75) found.push(sampleRateHz / best.lag);
  }
  found.sort((a, b) => a - b);
  return found[found.length >> 1] ?? Number.NaN;
}

function dot(samples: Int16Array, a: number, b: number, length: number): number {
  let sum = 0;
  for (let n = 0; n < length; n++) sum += samples[a + n]! * samples[b + n]!;
  return sum;
}

/** What every SpeechEngine must do. A rule learnt from a bug in one engine belongs here, so that all engines get it. */
export function describeSpeechEngine(name: string, create: () => Promise<SpeechEngine>, traits: EngineTraits): void {
  describe(`SpeechEngine: ${name}`, () => {
    const { voice } = traits;
    const { signal } = new AbortController();
    let engine: SpeechEngine;
    const slowest = (): number => Math.max(0.5, engine.capabilities.speed.min);
    beforeAll(async () => {
      engine = await create();
    });
    afterAll(() => engine.close());

    it("synthesize() yields audible, whole samples of plausible length", async () => {
      const { samples, durationMs } = await speakWith(engine, { voice });
      expect(peakOf(samples)).toBeGreaterThan(1000);
      const [least, most] = traits.msPerChar ?? [30, 160];
      expect(durationMs / TEXT.length).toBeGreaterThan(least);
      expect(durationMs / TEXT.length).toBeLessThan(most);
    });

    it("synthesize() at speed 2, or the most it can, takes as much less time", async () => {
      const speed = Math.min(2, engine.capabilities.speed.max);
      if (speed === 1) return;
      const [normal, fast] = [await speakWith(engine, { voice }), await speakWith(engine, { voice, speed })];
      expect((fast.durationMs / normal.durationMs) * speed).toBeGreaterThan(0.8);
      expect((fast.durationMs / normal.durationMs) * speed).toBeLessThan(1.24);
    });

    for (const pitched of traits.pitchVoices ?? [])
      it(`synthesize() moves the pitch of ${pitched} as asked`, async () => {
        const f0 = async (pitch: number): Promise<number> => {
          const { samples, format } = await speakWith(engine, { voice: pitched, text: VOICED, pitch });
          return medianF0(samples, format.sampleRateHz);
        };
        const normal = await f0(1);
        expect((await f0(1.6)) / normal).toBeGreaterThan(1.3);
        expect((await f0(0.7)) / normal).toBeLessThan(0.85);
      });

    it("synthesize() gives word times if and only if it claims to: in order, within the audio, every word", async () => {
      const { words, durationMs, order } = await speakWith(engine, { voice });
      if (!engine.capabilities.words) return expect(words).toBeUndefined();
      expect(order[0]).toBe("audio");
      expect(words?.map(({ text }) => text)).toEqual(TEXT.match(/\w+/g));
      for (const [at, { startMs, endMs }] of words!.entries()) {
        expect(startMs).toBeGreaterThanOrEqual(words![at - 1]?.endMs ?? 0);
        expect(endMs).toBeGreaterThan(startMs);
        expect(endMs).toBeLessThanOrEqual(Math.ceil(durationMs));
      }
    });

    it("voices() lists different voices under the engine's name, and each speaks", async () => {
      const voices = await engine.voices({ signal });
      expect(voices.map(({ id }) => id)).toContain(voice);
      expect(new Set(voices.map(({ id }) => id)).size).toBe(voices.length);
      for (const listed of voices) {
        expect(listed.engine).toBe(engine.name);
        expect(listed.name).not.toBe("");
        expect(listed.language).toMatch(/^[a-zA-Z]{2,3}(-[a-zA-Z0-9]+)*$/);
      }
      for (const { id } of voices.slice(0, traits.maxVoices ?? voices.length)) {
        const { samples, durationMs } = await speakWith(engine, { voice: id, text: "Hello 1, 2, 3." });
        expect(peakOf(samples), id).toBeGreaterThan(500);
        expect(durationMs, id).toBeGreaterThan(200);
      }
    });

    it("synthesize() refuses a voice it does not have", async () => {
      for (const unknown of ["no-such-voice", "../../etc/passwd", "-h", ""]) {
        const error = await speakWith(engine, { voice: unknown }).catch((thrown: unknown) => thrown);
        expect(traits.unknownVoiceCodes, `${unknown}: ${error}`).toContain((error as { code?: string }).code);
      }
    });

    for (const text of traits.cannotSay ?? [])
      it(`synthesize() says that it cannot say ${JSON.stringify(text)}`, async () => {
        await expect(speakWith(engine, { voice, text })).rejects.toMatchObject({ code: "engine_cannot_say" });
      });

    it("synthesize() with an aborted signal throws its reason", async () => {
      const reason = new Error("gone before");
      await expect(speakWith(engine, { voice }, AbortSignal.abort(reason))).rejects.toBe(reason);
    });

    it("synthesize() aborted at any time ends soon with the signal's reason and leaves the engine usable", async () => {
      for (const afterMs of [0, 3, 15]) {
        const gate = new AbortController();
        const reason = new Error(`gone after ${afterMs} ms`);
        const text = Array(4).fill(TEXT).join(" ");
        const speaking = speakWith(engine, { voice, text, speed: slowest() }, gate.signal);
        setTimeout(() => gate.abort(reason), afterMs);
        const abortedAt = performance.now() + afterMs;
        const error = await speaking.then(
          () => reason, // it was faster
          (thrown: unknown) => thrown,
        );
        expect(error).toBe(reason);
        expect(performance.now() - abortedAt).toBeLessThan(1500);
      }
      expect(peakOf((await speakWith(engine, { voice, text: "Still here." })).samples)).toBeGreaterThan(1000);
    });

    it("synthesize() left in the middle gives everything back", async () => {
      for (let n = 0; n < 12; n++) {
        for await (const { audio } of engine.synthesize(requestOf({ voice }), { signal })) if (audio) break;
      }
      expect(peakOf((await speakWith(engine, { voice, text: "Still here." })).samples)).toBeGreaterThan(1000);
    });

    it("synthesize() speaks for eight at once, each its own text", async () => {
      const texts = [
        "One day.",
        "Two apples fell.",
        "Three men in a boat.",
        "Four.",
        "One day.",
        "Four.",
        "Five times.",
        "Six of us.",
      ];
      const alone = new Map<string, Spoken>();
      for (const text of new Set(texts)) alone.set(text, await speakWith(engine, { voice, text }));
      const together = await Promise.all(texts.map((text) => speakWith(engine, { voice, text })));
      for (const [at, text] of texts.entries()) {
        expect(Math.abs(together[at]!.durationMs - alone.get(text)!.durationMs)).toBeLessThan(100);
        if (traits.deterministic) expect(Buffer.compare(together[at]!.audio, alone.get(text)!.audio), text).toBe(0);
      }
      expect(new Set(texts.map((text) => Buffer.from(alone.get(text)!.audio).toString("base64"))).size).toBe(6);
    });

    it("synthesize() reads markup and option-like text as text", async () => {
      for (const text of [
        'Wait <break time="9s"/> here.',
        "-v kal and --help",
        "[[ hello ]] world",
        "a\u0000b\u0007c d\u001be",
      ]) {
        const { samples, durationMs } = await speakWith(engine, { voice, text });
        expect(peakOf(samples), text).toBeGreaterThan(1000);
        expect(durationMs, text).toBeLessThan(8000);
      }
    });

    it("close() ends what is running and may come twice", async () => {
      const own = await create();
      const text = Array(5).fill(TEXT).join(" ");
      const running = Array.from({ length: 3 }, () =>
        speakWith(own, { voice, text, speed: slowest() }).catch((error: unknown) => error),
      );
      await own.close();
      await Promise.all(running); // whatever came of them: none hangs
      await own.close();
    });
  });
}
