import type { Codecs } from "../../../src/audio/codecs.ts";
import { createConverter } from "../../../src/audio/converter.ts";
import { wavHeader } from "../../../src/audio/wav.ts";
import { concat } from "../../../src/core/async.ts";
import type { AudioFormat } from "../../../src/core/audio-format.ts";

export type SpokenTones = {
  readonly text: string;
  readonly voice: string;
  readonly format: AudioFormat;
  readonly speed?: number;
  readonly pitch?: number;
  /** Of the right length, but nothing is heard. */
  readonly silent?: boolean;
};

/** As fast as people speak. A character is heard at its index times this, divided by the speed. */
export const MS_PER_CHAR = 60;

/**
 * Something with the pace of speech: each character its own tone, at a pitch that is the voice's, spaces as short pauses.
 * Alike requests sound alike, different ones different. Encoded by the gateway's own encoders.
 */
export async function spokenTones({ format, ...spoken }: SpokenTones, codecs: Codecs): Promise<Uint8Array> {
  const pcm = new Uint8Array(samples(spoken, format.sampleRateHz).buffer);
  if (format.name === "pcm") return pcm;
  if (format.name === "wav") return concat([wavHeader(format.sampleRateHz), pcm]); // its length unknown, as in a live stream
  const converter = await createConverter(codecs, {
    from: { name: "pcm", sampleRateHz: format.sampleRateHz },
    to: format,
  });
  try {
    return concat([...converter.push(pcm), ...converter.finish()]);
  } finally {
    converter.free();
  }
}

function samples(
  { text, voice, speed = 1, pitch = 1, silent = false }: Omit<SpokenTones, "format">,
  sampleRateHz: number,
): Int16Array {
  const perChar = (sampleRateHz * MS_PER_CHAR) / 1000 / speed;
  const all = new Int16Array(Math.max(1, Math.round(perChar * text.length)));
  const shift = (0.6 + (hash(voice) % 64) / 80) * pitch;
  for (let n = 0, phase = 0; n < all.length && !silent; n++) {
    const code = text.charCodeAt(Math.min(text.length - 1, Math.floor(n / perChar)));
    phase += (2 * Math.PI * (200 + (code % 96) * 6) * shift) / sampleRateHz;
    all[n] = Math.round((code === 32 ? 300 : 9000) * Math.sin(phase));
  }
  return all;
}

function hash(text: string): number {
  let state = 5381;
  for (const char of text) state = (Math.imul(state, 33) + char.charCodeAt(0)) >>> 0;
  return state;
}

/** When each word of such a text is heard. */
export function toneWords(text: string, speed = 1): { word: string; from: number; startMs: number; endMs: number }[] {
  const msPerChar = MS_PER_CHAR / speed;
  return [...text.matchAll(/[\p{L}\p{N}][\p{L}\p{N}'’&]*/gu)].map(({ 0: word, index }) => ({
    word,
    from: index,
    startMs: index * msPerChar,
    endMs: (index + word.length) * msPerChar,
  }));
}
