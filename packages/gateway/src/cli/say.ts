import { randomUUID } from "node:crypto";
import { rename, rm, writeFile } from "node:fs/promises";
import { extname } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { pino } from "pino";
import { composeSpeech, type SpeechSystem } from "../compose.ts";
import { type Config, ConfigError } from "../config/config.ts";
import { concat } from "../core/async.ts";
import { AUDIO_FORMAT_NAMES, type AudioFormatName } from "../core/audio-format.ts";
import type { Notice } from "../core/script.ts";
import { type FactorRange, SETTING_RANGES } from "../core/speech-settings.ts";
import { formatSubtitles, SUBTITLE_FORMATS, type SubtitleFormat } from "../core/subtitles/subtitles.ts";
import { DEFAULT_CACHE_POLICY, type Utterance } from "../core/utterance.ts";
import type { Speech } from "../speech/speak.ts";
import { TranscriptWriter } from "../speech/transcript.ts";
import { progressLine } from "./progress-line.ts";

export type SayOptions = {
  readonly output?: string;
  readonly voice: string;
  readonly engine: string;
  readonly speed: string;
  readonly pitch: string;
  readonly volume: string;
  readonly instructions?: string;
  readonly style?: string;
  readonly seed?: string;
  readonly clean?: boolean;
  readonly showText?: boolean;
  readonly language?: string;
  readonly format?: AudioFormatName;
  readonly subtitles?: string;
  readonly subtitlesFormat?: SubtitleFormat;
  readonly ssml?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
};

/** A book, not a denial of service: it is the user's own machine. */
const MAX_TEXT_CHARS = 5_000_000;

/** `mynah say`: the gateway's own speech without the gateway. */
export async function say(text: string | undefined, options: SayOptions, config: Config): Promise<void> {
  const words = text === undefined || text === "-" ? await fromStdin() : text;
  const output =
    options.output ?? (process.stdout.isTTY || options.subtitles === "-" || options.json ? undefined : "-");
  if (options.json && (output === "-" || options.subtitles === "-"))
    throw new ConfigError("--json goes to stdout; give the audio and its subtitles a file each");
  if (output === "-" && options.subtitles === "-")
    throw new ConfigError("audio and subtitles cannot both go to stdout; give one of them a file");
  const subtitles = subtitlesFormatOf(options);
  const format = options.format ?? formatOfFile(output) ?? "mp3";
  const speech = await composeSpeech(
    { ...config, maxTextChars: MAX_TEXT_CHARS, rateLimitPerMinute: 0, rateLimitPerHour: 0 },
    pino({ level: "silent" }),
  );
  const controller = new AbortController();
  const interrupt = (): void => controller.abort(new ConfigError("interrupted"));
  process.once("SIGINT", interrupt);
  try {
    if (options.showText) return await show(speech, words, { ...options, format }, controller.signal);
    const answer = await speak(speech, words, { ...options, format }, controller.signal);
    if (!options.quiet) for (const notice of answer.notices) process.stderr.write(`${noticeLine(notice)}\n`);
    const target = output ?? `speech.${format}`;
    const writer = new TranscriptWriter();
    if (target === "-") await toStdout(answer, speech, writer, options);
    else await toFile(answer, speech, target, writer, options);
    if (subtitles !== undefined) await writeSubtitles(writer, subtitles, options);
  } finally {
    process.off("SIGINT", interrupt);
    await speech.close();
  }
}

function noticeLine({ message, line, column }: Notice): string {
  return line === undefined ? `note: ${message}` : `note: line ${line}, column ${column}: ${message}`;
}

async function fromStdin(): Promise<string> {
  if (process.stdin.isTTY) throw new ConfigError('nothing to say: write `mynah say "Hello"`, or pipe a text in');
  return readAll(process.stdin);
}

function formatOfFile(output: string | undefined): AudioFormatName | undefined {
  if (output === undefined || output === "-") return undefined;
  const ending = extname(output).slice(1).toLowerCase();
  const name = ending === "ogg" ? "opus" : ending;
  const known = AUDIO_FORMAT_NAMES.find((format) => format === name);
  if (known === undefined && ending !== "")
    throw new ConfigError(`"${ending}" is not an audio format here; known: ${AUDIO_FORMAT_NAMES.join(", ")}`);
  return known;
}

/** Undefined: no subtitles are wanted. */
function subtitlesFormatOf({ subtitles, subtitlesFormat }: SayOptions): SubtitleFormat | undefined {
  if (subtitles === undefined) {
    if (subtitlesFormat !== undefined) throw new ConfigError("--subtitles-format needs --subtitles <file>");
    return undefined;
  }
  if (subtitlesFormat !== undefined) return subtitlesFormat;
  const ending = extname(subtitles).slice(1).toLowerCase();
  const known = SUBTITLE_FORMATS.find((format) => format === ending);
  if (known === undefined && ending !== "")
    throw new ConfigError(`"${ending}" is not a subtitle format here; known: ${SUBTITLE_FORMATS.join(", ")}`);
  return known ?? "vtt";
}

/** A line for each segment: what its engine would get, and who that is where several speak. */
async function show(speech: SpeechSystem, text: string, options: Spoken, signal: AbortSignal): Promise<void> {
  const shown = await speech.showText(utteranceOf(speech, text, options), { signal });
  const speakers = new Set(shown.map(({ engine, voice }) => `${engine}/${voice}`));
  const who = ({ engine, voice }: (typeof shown)[number]): string => (speakers.size > 1 ? `${engine}/${voice}: ` : "");
  for (const segment of shown) process.stdout.write(`${who(segment)}${segment.said.replaceAll("\n", " ")}\n`);
}

type Spoken = SayOptions & { readonly format: AudioFormatName };

async function speak(speech: SpeechSystem, text: string, options: Spoken, signal: AbortSignal): Promise<Speech> {
  const words = options.subtitles !== undefined;
  const result = await speech.speak(utteranceOf(speech, text, options), { signal, requestId: randomUUID(), words });
  if (!result.admitted) throw new Error("the command line has no limits");
  return result.speech;
}

function utteranceOf(speech: SpeechSystem, text: string, options: Spoken): Utterance {
  const { voice, engine, speed, pitch, volume, instructions, style, seed, clean, language, format, ssml } = options;
  return {
    text,
    voice,
    model: engine,
    speed: number("--speed", speed, SETTING_RANGES.speed),
    pitch: number("--pitch", pitch, SETTING_RANGES.pitch),
    volume: number("--volume", volume, SETTING_RANGES.volume),
    ...(instructions && { instructions }),
    ...(style && { style }),
    ...(seed !== undefined && { seed: integer("--seed", seed, SETTING_RANGES.seed) }),
    ...(clean !== undefined && { clean }),
    ...(language && { language }),
    ...(ssml && { inputType: "ssml" as const }),
    format: speech.formats[format],
    cache: DEFAULT_CACHE_POLICY,
    subject: "cli",
  };
}

function number(flag: string, raw: string, { min, max }: FactorRange): number {
  const value = Number(raw);
  if (raw.trim() === "" || !(value >= min && value <= max))
    throw new ConfigError(`${flag} must be a number from ${min} to ${max}; it is "${raw}"`);
  return value;
}

function integer(flag: string, raw: string, range: FactorRange): number {
  const value = number(flag, raw, range);
  if (Number.isInteger(value)) return value;
  throw new ConfigError(`${flag} must be a whole number; it is "${raw}"`);
}

async function toStdout(
  answer: Speech,
  speech: SpeechSystem,
  writer: TranscriptWriter,
  { quiet }: SayOptions,
): Promise<void> {
  const progress = showProgress(answer, speech, quiet);
  try {
    for await (const part of answer.parts) {
      writer.add(part);
      if (part.type !== "audio") continue;
      if (!process.stdout.write(part.audio)) await new Promise((resolve) => process.stdout.once("drain", resolve));
    }
  } finally {
    progress.end();
  }
}

async function toFile(
  answer: Speech,
  speech: SpeechSystem,
  path: string,
  writer: TranscriptWriter,
  { quiet, json }: SayOptions,
): Promise<void> {
  const progress = showProgress(answer, speech, quiet);
  const chunks: Uint8Array[] = [];
  try {
    for await (const part of answer.parts) {
      writer.add(part);
      if (part.type === "audio") chunks.push(part.audio);
    }
  } finally {
    progress.end();
  }
  // Joined once more, now that the end is known: headers of WAV and FLAC get their true lengths.
  const audio = speech.joiner.joinWhole(answer.format, [concat(chunks)]);
  await writeWhole(path, audio);
  const { durationMs } = await speech.transcoder.inspect(audio, answer.format, {
    signal: new AbortController().signal,
  });
  if (json) {
    const { engine, voice, format } = answer;
    const told = { file: path, format: format.name, durationMs, bytes: audio.byteLength, engine, voice };
    process.stdout.write(`${JSON.stringify(told)}\n`);
  } else if (!quiet) {
    const seconds = (durationMs / 1000).toFixed(1);
    process.stderr.write(
      `${path}: ${seconds} s, ${Math.ceil(audio.byteLength / 1024)} KiB, ${answer.engine}/${answer.voice}\n`,
    );
  }
}

async function writeSubtitles(
  { transcript }: TranscriptWriter,
  format: SubtitleFormat,
  { subtitles: path = "-", quiet }: SayOptions,
): Promise<void> {
  const text = formatSubtitles(transcript, format);
  if (path === "-") {
    process.stdout.write(text);
    return;
  }
  await writeWhole(path, text);
  const estimated = transcript.segments.some(({ words }) => words.some((word) => word.estimated));
  if (!quiet) process.stderr.write(`${path}: ${format}${estimated ? ", times are estimated" : ""}\n`);
}

/** Whole or not at all. */
async function writeWhole(path: string, content: Uint8Array | string): Promise<void> {
  const unfinished = `${path}.part`;
  try {
    await writeFile(unfinished, content);
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw new ConfigError(`${path} cannot be written: ${(error as Error).message}`);
  }
}

function showProgress({ segments }: Speech, { events }: SpeechSystem, quiet = false): { end(): void } {
  if (quiet || segments < 3) return { end: () => {} };
  const line = progressLine(process.stderr, { label: "speaking", total: segments, unit: "sentences" });
  let done = 0;
  const stop = events.on("segment.delivered", () => line.update(++done));
  return {
    end() {
      stop();
      line.end();
    },
  };
}
