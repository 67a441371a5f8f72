import { parseLanguage } from "../language-tag.ts";

/** A value that was read, or what is wrong with it. */
export type Read<T> = { readonly value: T; readonly note?: string } | { readonly wrong: string };

const DURATION = /^\+?(\d{1,6}(?:\.\d{1,6})?|\.\d{1,6})(ms|s)$/;

/** CSS's time, as SSML has it: `500ms`, `1.5s`. In milliseconds. */
export function duration(text: string): Read<number> {
  const found = DURATION.exec(text.trim());
  if (found === null) return { wrong: 'is no time such as "500ms" or "1.5s"' };
  return { value: Number(found[1]) * (found[2] === "s" ? 1000 : 1) };
}

/** How long the breaks are that are named by their strength. */
export const BREAK_STRENGTHS: Readonly<Record<string, number>> = {
  none: 0,
  "x-weak": 100,
  weak: 250,
  medium: 500,
  strong: 800,
  "x-strong": 1200,
};

export const RATES: Readonly<Record<string, number>> = {
  "x-slow": 0.5,
  slow: 0.75,
  medium: 1,
  fast: 1.35,
  "x-fast": 1.75,
  default: 1,
};
export const PITCHES: Readonly<Record<string, number>> = {
  "x-low": 0.6,
  low: 0.8,
  medium: 1,
  high: 1.25,
  "x-high": 1.5,
  default: 1,
};
/** −12 dB to +9.5 dB. */
export const VOLUMES: Readonly<Record<string, number>> = {
  silent: 0,
  "x-soft": 0.25,
  soft: 0.5,
  medium: 1,
  loud: 1.6,
  "x-loud": 3,
  default: 1,
};

const NUMBER = "(\\d{1,6}(?:\\.\\d{1,6})?)";
const PERCENT = new RegExp(`^([+-])?${NUMBER}%$`);
const PLAIN = new RegExp(`^${NUMBER}$`);
const DECIBELS = new RegExp(`^([+-])?${NUMBER}dB$`, "i");
const SEMITONES = new RegExp(`^([+-])${NUMBER}st$`, "i");
const HERTZ = new RegExp(`^([+-])?${NUMBER}Hz$`, "i");
/** About the pitch of most voices: what a change in hertz is measured by. */
const USUAL_HERTZ = 160;

/** `slow`, `80%` and `0.8` are times the voice's own; `+10%` and `-10%` are more or less than it. */
export function rate(text: string): Read<number> {
  return (
    named(text, RATES) ?? percent(text) ?? plain(text, 1) ?? { wrong: 'is no rate such as "slow", "80%" or "+10%"' }
  );
}

export function pitch(text: string): Read<number> {
  const known = named(text, PITCHES) ?? changeInPercent(text);
  if (known !== undefined) return known;
  const semitones = SEMITONES.exec(text);
  if (semitones !== null) return { value: 2 ** (signed(semitones) / 12) };
  const hertz = HERTZ.exec(text);
  if (hertz === null) return { wrong: 'is no pitch such as "high", "+10%" or "-2st"' };
  if (hertz[1] === undefined)
    return {
      value: 1,
      note: "a pitch in hertz is not done, for a voice's own is not known; say how much higher or lower",
    };
  return {
    value: Math.max(0.01, 1 + signed(hertz) / USUAL_HERTZ),
    note: `a change in hertz is taken as that of a voice of ${USUAL_HERTZ} Hz`,
  };
}

/** `+6dB`, `soft`; and SSML 1.0's numbers from 0 to 100. */
export function volume(text: string): Read<number> {
  const known = named(text, VOLUMES) ?? changeInPercent(text) ?? plain(text, 100);
  if (known !== undefined) return known;
  const decibels = DECIBELS.exec(text);
  if (decibels === null) return { wrong: 'is no volume such as "soft" or "+6dB"' };
  return { value: 10 ** (signed(decibels) / 20) };
}

/** BCP-47; an empty one takes the language back that is set. */
export function language(text: string): Read<string> {
  const parsed = parseLanguage(text);
  return parsed === undefined || text.includes("_")
    ? { wrong: 'is no language such as "en" or "pt-BR"' }
    : { value: text };
}

function named(text: string, names: Readonly<Record<string, number>>): Read<number> | undefined {
  return Object.hasOwn(names, text) ? { value: names[text]! } : undefined;
}

function percent(text: string): Read<number> | undefined {
  const found = PERCENT.exec(text);
  if (found === null) return undefined;
  return found[1] === undefined ? { value: Number(found[2]) / 100 } : changeInPercent(text);
}

function changeInPercent(text: string): Read<number> | undefined {
  const found = PERCENT.exec(text);
  return found === null ? undefined : { value: Math.max(0, 1 + signed(found) / 100) };
}

function plain(text: string, whole: number): Read<number> | undefined {
  const found = PLAIN.exec(text);
  return found === null ? undefined : { value: Number(found[1]) / whole };
}

function signed([, sign, number]: RegExpExecArray): number {
  return Number(number) * (sign === "-" ? -1 : 1);
}
