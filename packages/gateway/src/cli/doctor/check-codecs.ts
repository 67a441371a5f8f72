import { createTranscoder } from "../../audio/transcode.ts";
import { concat, only } from "../../core/async.ts";
import { AUDIO_FORMAT_NAMES, type AudioFormat, DELIVERY_SAMPLE_RATE_HZ } from "../../core/audio-format.ts";
import type { Transcoder } from "../../core/ports.ts";
import { type Check, fail, ok } from "./check.ts";

const HZ = DELIVERY_SAMPLE_RATE_HZ;
const PCM: AudioFormat = { name: "pcm", sampleRateHz: HZ };
const BITRATE_BPS = 48_000;
const TOLERANCE_MS = 120;
const LOUD = 0.2;
const WITHIN_MS = 20_000;

/** A second of sound through every codec, and listened to again. */
export async function checkCodecs(): Promise<Check[]> {
  const transcoder = createTranscoder({ workers: 1 });
  try {
    const broken: string[] = [];
    for (const name of AUDIO_FORMAT_NAMES) {
      const problem = await roundTrip(transcoder, name).catch((error: unknown) => String(error));
      if (problem !== undefined) broken.push(`${name}: ${problem}`);
    }
    if (broken.length === 0)
      return [ok("codecs", `${AUDIO_FORMAT_NAMES.join(", ")}: a second of sound went through each`)];
    return [fail("codecs", broken.join("; "), "Install the packages anew: npm ci.")];
  } finally {
    await transcoder.close();
  }
}

async function roundTrip(transcoder: Transcoder, name: AudioFormat["name"]): Promise<string | undefined> {
  const signal = AbortSignal.timeout(WITHIN_MS);
  const lossy = name === "mp3" || name === "opus" || name === "aac";
  const format: AudioFormat = { name, sampleRateHz: HZ, ...(lossy && { bitrateBps: BITRATE_BPS }) };
  const chunks: Uint8Array[] = [];
  for await (const chunk of transcoder.transcode(only(tone()), PCM, format, { signal })) chunks.push(chunk);
  const { durationMs, peak = 1 } = await transcoder.inspect(concat(chunks), format, { signal });
  if (Math.abs(durationMs - 1000) > TOLERANCE_MS) return `a second became ${Math.round(durationMs)} ms`;
  return peak < LOUD ? "the sound was lost" : undefined;
}

function tone(): Uint8Array {
  const samples = Int16Array.from({ length: HZ }, (_, at) =>
    Math.round(16_000 * Math.sin((2 * Math.PI * 440 * at) / HZ)),
  );
  return new Uint8Array(samples.buffer);
}
