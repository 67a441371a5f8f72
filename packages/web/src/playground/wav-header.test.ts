import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pcmRateHz, wavHeader } from "./wav-header.ts";

const ffprobe = spawnSync("ffprobe", ["-version"]);
if (ffprobe.error) console.warn("wavHeader is not judged: no ffprobe on this machine");

describe("wavHeader", () => {
  it.skipIf(ffprobe.error)("makes a file that ffprobe reads as mono s16le of the right length", () => {
    const samples = Buffer.alloc(24_000 * 2 * 1.5);
    const folder = mkdtempSync(join(tmpdir(), "mynah-wav-"));
    try {
      const file = join(folder, "a.wav"); // through a pipe, ffprobe does not tell the duration
      writeFileSync(file, Buffer.concat([wavHeader(samples.byteLength, 24_000), samples]));
      const entries = "stream=codec_name,sample_rate,channels,duration";
      const { stdout } = spawnSync("ffprobe", ["-v", "error", "-show_entries", entries, "-of", "csv=p=0", file]);
      expect(stdout.toString().trim()).toBe("pcm_s16le,24000,1,1.500000");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("pcmRateHz", () => {
  it("reads the rate, and takes OpenAI's where none is named", () => {
    expect(pcmRateHz("audio/pcm;rate=16000;channels=1")).toBe(16_000);
    expect(pcmRateHz("audio/pcm")).toBe(24_000);
  });
});
