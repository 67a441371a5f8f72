/** Listens to audio with other people's decoders, and makes sound to be encoded. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AudioFormatName } from "../../src/core/audio-format.ts";

const FFMPEG_NAMES: Readonly<Record<AudioFormatName, string>> = {
  mp3: "mp3",
  opus: "ogg",
  aac: "aac",
  flac: "flac",
  wav: "wav",
  pcm: "s16le",
};

/** Whether the program is there; says on the console that tests are skipped if not. */
export function hasTool(name: string, versionFlag = "-version"): boolean {
  const found = spawnSync(name, [versionFlag]).error === undefined;
  if (!found) console.warn(`skipped: ${name} is not installed`);
  return found;
}

function run(program: string, args: readonly string[], input?: Uint8Array): Buffer {
  const { stdout, stderr, status, error } = spawnSync(program, args, { input, maxBuffer: 2 ** 28 });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
  if (stderr.length > 0) throw new Error(`${program} complained: ${stderr}`);
  return stdout;
}

/** s16 samples out of s16le bytes, wherever they lie. */
export function int16(bytes: Uint8Array): Int16Array {
  return new Int16Array(new Uint8Array(bytes.subarray(0, bytes.length & ~1)).buffer);
}

/** Mono samples at the given rate, by ffmpeg. Throws if it has to say anything at all about the audio. */
export function decodeWithFfmpeg(audio: Uint8Array, name: AudioFormatName, sampleRateHz = 24_000): Int16Array {
  const raw = name === "pcm" ? ["-ar", String(sampleRateHz), "-ac", "1"] : [];
  const out = ["-f", "s16le", "-ac", "1", "-ar", String(sampleRateHz), "-"];
  return int16(run("ffmpeg", ["-v", "error", "-f", FFMPEG_NAMES[name], ...raw, "-i", "-", ...out], audio));
}

/** Audio in any of ffmpeg's formats out of s16le mono, for the parts that other encoders make. */
export function encodeWithFfmpeg(pcm: Uint8Array, sampleRateHz: number, args: readonly string[]): Uint8Array {
  return inFolder((folder) => {
    const file = join(folder, "out");
    run(
      "ffmpeg",
      ["-v", "error", "-f", "s16le", "-ar", String(sampleRateHz), "-ac", "1", "-i", "-", ...args, file],
      pcm,
    );
    return readFileSync(file);
  });
}

/** Subtitles in SubRip, as ffmpeg reads and writes them. Throws if it has to say anything about them. */
export function subtitlesWithFfmpeg(subtitles: string, format: "srt" | "vtt"): string {
  const from = format === "vtt" ? "webvtt" : "srt";
  return run("ffmpeg", ["-v", "error", "-f", from, "-i", "-", "-f", "srt", "-"], Buffer.from(subtitles)).toString();
}

export type Probe = {
  readonly codec: string;
  readonly sampleRateHz: number;
  readonly channels: number;
  readonly durationMs: number | undefined;
};

/** What ffprobe reads in the headers. */
export function probe(audio: Uint8Array): Probe {
  return inFolder((folder) => {
    const file = join(folder, "in");
    writeFileSync(file, audio);
    const text = run("ffprobe", ["-v", "error", "-show_streams", "-of", "json", file]).toString();
    const [stream] = (JSON.parse(text) as { streams: Record<string, string>[] }).streams;
    const duration = Number(stream?.duration);
    return {
      codec: stream?.codec_name ?? "",
      sampleRateHz: Number(stream?.sample_rate),
      channels: Number(stream?.channels),
      durationMs: Number.isFinite(duration) ? duration * 1000 : undefined,
    };
  });
}

/** 48 kHz samples by the Opus project's own decoder. */
export function decodeWithOpusdec(audio: Uint8Array): Int16Array {
  return inFolder((folder) => {
    const file = join(folder, "in.opus");
    const out = join(folder, "out.raw");
    writeFileSync(file, audio);
    run("opusdec", ["--quiet", "--rate", "48000", "--no-dither", file, out]);
    return int16(readFileSync(out));
  });
}

/** Throws if the FLAC project's own decoder finds anything wrong. */
export function testWithFlac(audio: Uint8Array): void {
  inFolder((folder) => {
    const file = join(folder, "in.flac");
    writeFileSync(file, audio);
    const { status, stderr } = spawnSync("flac", ["--test", "--silent", file]);
    const complaints = stderr
      .toString()
      .split("\n")
      .filter((line) => line !== "" && !line.includes("cannot check MD5"));
    if (status !== 0 || complaints.length > 0) throw new Error(`flac --test: ${status} ${complaints.join("; ")}`);
  });
}

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "mynah-audio-"));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function pcmFrom(sampleCount: number, sampleAt: (index: number) => number): Uint8Array {
  const samples = Int16Array.from({ length: sampleCount }, (_, index) => Math.round(sampleAt(index) * 32_767));
  return new Uint8Array(samples.buffer);
}

/** A steady tone with 5 ms of fade at both ends. */
export function tone(durationMs: number, { hz = 1000, level = 0.3, sampleRateHz = 24_000 } = {}): Uint8Array {
  const count = Math.round((durationMs * sampleRateHz) / 1000);
  const fade = sampleRateHz / 200;
  return pcmFrom(
    count,
    (at) => level * Math.min(1, at / fade, (count - at) / fade) * Math.sin((2 * Math.PI * hz * at) / sampleRateHz),
  );
}

/** Something with the shape of speech: a gliding voice in syllables, with hiss between them. The same for the same seed. */
export function speechLike(durationMs: number, { sampleRateHz = 24_000, seed = 1 } = {}): Uint8Array {
  let state = seed * 2_654_435_761;
  const noise = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state / 2 ** 31;
  };
  let phase = 0;
  return pcmFrom(Math.round((durationMs * sampleRateHz) / 1000), (at) => {
    const seconds = at / sampleRateHz;
    phase += (2 * Math.PI * (120 + 30 * Math.sin(2 * seconds))) / sampleRateHz;
    const voice = [1, 0.6, 0.5, 0.7, 0.3, 0.2, 0.25, 0.1].reduce(
      (sum, level, k) => sum + level * Math.sin((k + 1) * phase),
      0,
    );
    const syllable = Math.max(0, Math.sin(2 * Math.PI * 2 * seconds)) ** 0.5;
    return 0.15 * syllable * voice + 0.02 * (1 - syllable) * noise();
  });
}

/** How strong this frequency is, as the amplitude of a sine, 0..1. */
export function levelAt(samples: Int16Array, hz: number, sampleRateHz = 24_000): number {
  let real = 0;
  let imaginary = 0;
  for (let at = 0; at < samples.length; at++) {
    const angle = (2 * Math.PI * hz * at) / sampleRateHz;
    real += samples[at]! * Math.cos(angle);
    imaginary += samples[at]! * Math.sin(angle);
  }
  return (2 * Math.hypot(real, imaginary)) / samples.length / 32_768;
}

/** Bytes in pieces of the given sizes, over and over. */
export async function* inPieces(bytes: Uint8Array, ...sizes: number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? bytes.length);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
