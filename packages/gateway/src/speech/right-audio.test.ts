import { afterAll, describe, expect, it } from "vitest";
import { FORMATS } from "../../test/support/speech-rig.ts";
import { spokenTones } from "../../test/support/stand-ins/spoken-tones.ts";
import { Codecs } from "../audio/codecs.ts";
import { createTranscoder } from "../audio/transcode.ts";
import { AUDIO_FORMAT_NAMES, type AudioFormatName } from "../core/audio-format.ts";
import { SpeechError } from "../core/errors.ts";
import type { SynthesisChunk } from "../core/ports.ts";
import { UsualPace } from "./plausible.ts";
import { rightAudio } from "./right-audio.ts";

const TEXT = "This is a sentence that takes a few seconds to say.";
const codecs = new Codecs();
const transcoder = createTranscoder({ workers: 1 });
afterAll(() => transcoder.close());
const speech = (name: AudioFormatName) => spokenTones({ text: TEXT, voice: "alloy", format: FORMATS[name] }, codecs);
const CHUNK = 4_096;

/** In pieces, with a pause after each, so that nothing comes all at once. */
async function* streamed(bytes: Uint8Array, pause = true): AsyncGenerator<SynthesisChunk> {
  for (let at = 0; at < bytes.byteLength; at += CHUNK) {
    yield { audio: bytes.subarray(at, at + CHUNK) };
    if (pause) await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function heard(chunks: AsyncIterable<SynthesisChunk>, name: AudioFormatName, pace = new UsualPace()) {
  const request = { text: TEXT, voice: "alloy", speed: 1, pitch: 1, volume: 1, wanted: FORMATS[name] };
  const { signal } = new AbortController();
  const parts: Uint8Array[] = [];
  let error: unknown;
  try {
    for await (const { audio } of rightAudio(chunks, { request, format: FORMATS[name], transcoder, pace, signal }))
      if (audio !== undefined) parts.push(audio);
  } catch (thrown) {
    error = thrown;
  }
  return { bytes: Buffer.concat(parts), code: error instanceof SpeechError ? error.code : error };
}

function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return state & 0xff;
  });
}

describe("rightAudio()", () => {
  it.each(AUDIO_FORMAT_NAMES)("passes %s on as it is", async (name) => {
    const bytes = await speech(name);
    const { bytes: passed, code } = await heard(streamed(bytes), name);
    expect(code).toBeUndefined();
    expect(passed.equals(bytes)).toBe(true);
  });

  it.each(AUDIO_FORMAT_NAMES)(
    "lets nothing pass of an error page, or of another format, instead of %s",
    async (name) => {
      const page = new TextEncoder().encode(`<!DOCTYPE html><html>${"<p>Bad gateway</p>".repeat(1_000)}`);
      const json = new TextEncoder().encode(`{"error": {"message": "${"no ".repeat(10_000)}"}}`);
      const other = await speech(name === "flac" ? "opus" : "flac");
      for (const wrong of [page, json, other]) {
        expect(await heard(streamed(wrong), name)).toMatchObject({ code: "engine_failed", bytes: { length: 0 } });
      }
    },
  );

  it.each(AUDIO_FORMAT_NAMES.filter((name) => name !== "aac"))(
    "lets nothing pass of noise that claims to be %s",
    async (name) => {
      const { bytes, code } = await heard(streamed(noise(150_000)), name);
      expect([bytes.byteLength, code]).toEqual([0, "engine_failed"]);
    },
  );

  it("lets nothing pass of samples that were cut in the middle", async () => {
    const shifted = (await speech("pcm")).subarray(1);
    expect(await heard(streamed(shifted), "pcm")).toMatchObject({ code: "engine_failed", bytes: { length: 0 } });
  });

  it.each(["pcm", "wav", "mp3", "opus", "flac"] as const)("fails %s that ends after a small part", async (name) => {
    const bytes = await speech(name);
    const part = bytes.subarray(0, Math.floor(bytes.byteLength * 0.1));
    expect((await heard(streamed(part), name)).code).toBe("engine_failed");
  });

  it("notices half a clip before anything is heard when its end comes with its beginning", async () => {
    const bytes = await speech("pcm");
    const pace = new UsualPace();
    for (let n = 0; n < 12; n++)
      expect(await heard(streamed(bytes, false), "pcm", pace)).toMatchObject({ code: undefined });
    const half = bytes.subarray(0, 60_000);
    expect(await heard(streamed(half, false), "pcm", pace)).toMatchObject({
      code: "engine_failed",
      bytes: { length: 0 },
    });
    expect((await heard(streamed(half), "pcm", pace)).code).toBe("engine_failed");
  });

  it("fails WAV that ends before its header says", async () => {
    const bytes = Buffer.from(await speech("wav"));
    bytes.writeUInt32LE(bytes.byteLength - 44, 40);
    expect((await heard(streamed(bytes), "wav")).code).toBeUndefined();
    expect((await heard(streamed(bytes.subarray(0, bytes.byteLength - 2_000)), "wav")).code).toBe("engine_failed");
  });

  it.each(["pcm", "mp3"] as const)("ends %s that has no end", async (name) => {
    const bytes = await speech(name);
    let sent = 0;
    async function* endless(): AsyncGenerator<SynthesisChunk> {
      for (;;) {
        for await (const chunk of streamed(bytes, false)) {
          sent += chunk.audio!.length;
          yield chunk;
        }
        await new Promise(setImmediate);
      }
    }
    expect((await heard(endless(), name)).code).toBe("engine_failed");
    expect(sent).toBeLessThan(5_000_000);
  });
});
