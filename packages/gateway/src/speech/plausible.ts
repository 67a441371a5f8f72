import { RollingQuantiles } from "../resilience/rolling.ts";

/**
 * How long speech of a text may be. Characters are weighed by what they are, since a Chinese one is a syllable and an
 * English one a third of it. Measured over 410 sentences of dialogue, flite and eSpeak take 0.8 to 1.7 times the usual
 * length of a text, half of all sentences 0.9 to 1.1 times.
 */
type Weight = { readonly of: RegExp; readonly usualMs: number; readonly maxMs: number };

/** The first that fits counts. */
const WEIGHTS: readonly Weight[] = [
  { of: /\p{Script=Han}/u, usualMs: 230, maxMs: 900 },
  { of: /\p{Script=Hangul}/u, usualMs: 170, maxMs: 800 },
  { of: /[\p{Script=Hiragana}\p{Script=Katakana}]/u, usualMs: 120, maxMs: 600 },
  { of: /[\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u, usualMs: 60, maxMs: 500 },
  { of: /\p{M}/u, usualMs: 30, maxMs: 400 },
  { of: /\p{L}/u, usualMs: 70, maxMs: 500 },
  { of: /\p{N}/u, usualMs: 300, maxMs: 1_200 },
  { of: /[.,;:!?…。，、！？；：]/u, usualMs: 150, maxMs: 1_200 },
  { of: /\s/u, usualMs: 0, maxMs: 200 },
];
/** Signs and emoji: silent in one engine, several words in another. */
const ANY_OTHER = { usualMs: 0, maxMs: 2_000 };

/** A number may be read as one word or digit by digit, so where its length is to be bounded from below it counts as little. */
const LEAST_DIGIT_MS = 40;
const LEAST_SHARE = 0.2;
/** Texts of a few letters say nothing. */
const LENIENT_MS = 250;
/** Silence before and after, and slow starters. */
const MAX_EXTRA_MS = 6_000;
/** "Nooooo" is not spoken letter by letter. */
const MAX_RUN = 3;

/** No engine says one segment for longer: what claims to is refused while it is heard, before its length costs hours of work. */
export const MAX_SEGMENT_MS = 30 * 60_000;

export type SpeechLength = {
  /** At speed 1. */
  readonly usualMs: number;
  /** Less is no whole clip, whoever speaks. */
  readonly minMs: number;
  /** More is no speech of this text. */
  readonly maxMs: number;
  /** Whether the usual length can be relied upon: a sentence, and not mostly numbers. */
  readonly reliable: boolean;
};

const RELIABLE_MS = 1_500;
const MAX_DIGIT_SHARE = 0.25;

/** What to expect of a text that is spoken at this speed, which the engine may not quite reach. */
export function speechLength(text: string, speed: number): SpeechLength {
  let usualMs = 0;
  let digitMs = 0;
  let digits = 0;
  let maxMs = MAX_EXTRA_MS;
  let run = 0;
  let last = "";
  for (const character of text) {
    run = character === last ? run + 1 : 1;
    last = character;
    const weight = WEIGHTS.find(({ of }) => of.test(character)) ?? ANY_OTHER;
    maxMs += weight.maxMs;
    if (run > MAX_RUN) continue;
    if (/\p{N}/u.test(character)) {
      digits++;
      digitMs += weight.usualMs;
    } else usualMs += weight.usualMs;
  }
  const least = (usualMs + digits * LEAST_DIGIT_MS) * LEAST_SHARE - LENIENT_MS;
  const whole = usualMs + digitMs;
  return {
    usualMs: whole,
    minMs: Math.max(0, least) / Math.max(1, speed),
    maxMs: maxMs / Math.min(1, speed),
    reliable: whole >= RELIABLE_MS && digitMs <= whole * MAX_DIGIT_SHARE,
  };
}

const SAMPLES = 50;
const ENOUGH_SAMPLES = 10;
const MAX_VOICES = 500;
/** Below any whole sentence that was measured (0.8 of the median), above half of nearly every one. */
const CUT_SHORT_BELOW = 0.62;

/** How fast an engine's voices speak, learnt from what they said: by it half a clip is told from a whole one. */
export class UsualPace {
  /** By voice, the one learnt of longest ago first. */
  readonly #voices = new Map<string, RollingQuantiles>();

  /** The least that a whole clip of this voice takes. */
  minMs(voice: string, { usualMs, minMs, reliable }: SpeechLength, speed: number): number {
    const known = this.#voices.get(voice);
    if (!reliable || known === undefined || known.count < ENOUGH_SAMPLES) return minMs;
    return Math.max(minMs, (known.quantile(0.5)! * CUT_SHORT_BELOW * usualMs) / Math.max(1, speed));
  }

  /** A clip that was whole. */
  learn(voice: string, { usualMs, reliable }: SpeechLength, speed: number, durationMs: number): void {
    if (!reliable || speed !== 1) return;
    const known = this.#voices.get(voice) ?? new RollingQuantiles({ size: SAMPLES });
    this.#voices.delete(voice);
    this.#voices.set(voice, known);
    known.add(durationMs / usualMs);
    const [oldest] = this.#voices.keys();
    if (this.#voices.size > MAX_VOICES && oldest !== undefined) this.#voices.delete(oldest);
  }
}
