import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AudioFormat, AudioFormatName } from "../../core/audio-format.ts";
import { SpeechError } from "../../core/errors.ts";
import type {
  CallOptions,
  EngineCapabilities,
  SpeechEngine,
  SynthesisChunk,
  SynthesisRequest,
} from "../../core/ports.ts";
import { ONLY_NORMAL, SETTING_RANGES } from "../../core/speech-settings.ts";
import type { Gender } from "../../core/voice.ts";
import { expectFormat } from "../expect-format.ts";
import { Places } from "../places.ts";
import { fillArguments, placeholdersIn } from "./fill-arguments.ts";
import { findProgram } from "./find-program.ts";
import { RunningProgram } from "./running-program.ts";

export type CommandVoice = {
  readonly id: string;
  readonly name?: string;
  /** BCP-47. Default `en`. */
  readonly language?: string;
  readonly gender?: Gender;
};

export type CommandOptions = {
  readonly name: string;
  /** A program by name or path. Never a line for a shell. */
  readonly command: string;
  readonly args?: readonly string[];
  /** How it gets the text. Default `stdin`. */
  readonly input?: "stdin" | "argument" | "file";
  /** What it writes to its standard output. Default `wav`. */
  readonly format?: AudioFormatName;
  readonly sampleRateHz: number;
  /** Default: one, called like the engine. */
  readonly voices?: readonly CommandVoice[];
  /** All of its environment besides PATH and LANG. */
  readonly env?: Readonly<Record<string, string>>;
  /** Processes at a time. */
  readonly maxConcurrent: number;
  readonly maxQueued: number;
  readonly maxChars?: number;
  /** Default true: it costs our own processor only. */
  readonly nearlyFree?: boolean;
  /** From SIGTERM to SIGKILL. Default 1,000. */
  readonly killGraceMs?: number;
  /** Raise it when the program or its model changes. */
  readonly version?: string;
};

const ADAPTER_REVISION = 1;
const ENVIRONMENT = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" };
const MAX_CHARS = 2_000;
const KILL_GRACE_MS = 1_000;
const NORMAL_WORDS_PER_MINUTE = 175;
const SPEEDS = ["speed", "lengthScale", "wordsPerMinute"];

/** Any program that reads text and writes audio, one process per synthesis. Undefined when there is no such program. */
export async function createCommandEngine(options: CommandOptions): Promise<SpeechEngine | undefined> {
  const env = { ...ENVIRONMENT, ...options.env };
  const file = await findProgram(options.command, env.PATH);
  return file === undefined ? undefined : new CommandEngine(options, file, env);
}

class CommandEngine implements SpeechEngine {
  readonly name: string;
  readonly version: string;
  readonly capabilities: EngineCapabilities;
  readonly #options: CommandOptions;
  readonly #file: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #format: AudioFormat;
  readonly #voices: readonly CommandVoice[];
  readonly #places: Places;
  /** Each with the moment when it is over and tidied up. */
  readonly #running = new Map<RunningProgram, Promise<void>>();

  constructor(options: CommandOptions, file: string, env: Readonly<Record<string, string>>) {
    const { name, args = [], format = "wav", sampleRateHz } = options;
    this.name = name;
    this.version = versionOf(options);
    const hasSpeed = SPEEDS.some((placeholder) => placeholdersIn(args).has(placeholder));
    this.capabilities = {
      maxChars: options.maxChars ?? MAX_CHARS,
      speed: hasSpeed ? SETTING_RANGES.speed : ONLY_NORMAL,
      pitch: ONLY_NORMAL,
      words: false,
      nearlyFree: options.nearlyFree ?? true,
    };
    this.#options = options;
    this.#file = file;
    this.#env = env;
    this.#format = { name: format, sampleRateHz };
    this.#voices = options.voices ?? [{ id: name }];
    this.#places = new Places({ name, size: options.maxConcurrent, maxQueued: options.maxQueued });
  }

  async voices() {
    return this.#voices.map(({ id, name = id, language = "en", gender }) => ({
      ...{ id, name, language, engine: this.name },
      ...(gender && { gender }),
    }));
  }

  outputFormat(): AudioFormat {
    return this.#format;
  }

  async *synthesize(request: SynthesisRequest, { signal }: CallOptions): AsyncGenerator<SynthesisChunk> {
    signal.throwIfAborted();
    this.#check(request);
    const leave = await this.#places.enter(signal);
    const program = await this.#start(request, leave);
    const stop = (): void => program.stop();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      yield* expectFormat(spoken(program, this.name), this.#format, this.name);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SpeechError) throw error;
      throw new SpeechError("engine_failed", `${this.name} broke off`, { cause: error, engine: this.name });
    } finally {
      signal.removeEventListener("abort", stop);
      program.stop();
    }
  }

  /** Ends every process and waits until it is gone. */
  async close(): Promise<void> {
    this.#places.close();
    for (const program of this.#running.keys()) program.stop();
    await Promise.all(this.#running.values());
  }

  #check(request: SynthesisRequest): void {
    if (this.#voices.some(({ id }) => id === request.voice)) return;
    throw new SpeechError("engine_rejected", `${this.name} has no such voice`, { engine: this.name });
  }

  /** The place is given back, and what was written for it removed, when the program is over: not when its reader leaves. */
  async #start(request: SynthesisRequest, leave: () => void): Promise<RunningProgram> {
    const { args = [], input = "stdin", killGraceMs: graceMs = KILL_GRACE_MS } = this.#options;
    const text = withoutControls(request.text);
    let folder: string | undefined;
    const tidy = async (): Promise<void> => {
      leave();
      if (folder !== undefined) await rm(folder, { recursive: true, force: true }).catch(() => {});
    };
    try {
      if (input === "file") {
        folder = await mkdtemp(join(tmpdir(), "mynah-text-"));
        await writeFile(join(folder, "text"), text, { mode: 0o600 });
      }
      const values = valuesOf(request, text, folder === undefined ? "" : join(folder, "text"));
      const run = { file: this.#file, args: fillArguments(args, values), env: this.#env, graceMs };
      const program = new RunningProgram({ ...run, ...(input === "stdin" && { input: `${text}\n` }) });
      const over = program.ended.then(tidy).then(() => void this.#running.delete(program));
      this.#running.set(program, over);
      return program;
    } catch (cause) {
      await tidy();
      throw new SpeechError("engine_failed", `${this.name} could not be started`, { cause, engine: this.name });
    }
  }
}

async function* spoken(program: RunningProgram, engine: string): AsyncGenerator<SynthesisChunk> {
  let some = false;
  for await (const audio of program.output) {
    some ||= audio.byteLength > 0;
    if (audio.byteLength > 0) yield { audio };
  }
  const { status, failure } = await program.ended;
  // What it complained of may hold the text: it stays in the cause, which nobody is sent and no log prints.
  const cause = failure ?? new Error(program.complaint);
  if (failure) throw new SpeechError("engine_failed", `${engine} could not be started`, { cause, engine });
  if (status !== 0)
    throw new SpeechError("engine_failed", `${engine} ended with ${status ?? "a signal"}`, { cause, engine });
  if (!some) throw new SpeechError("engine_no_audio", `${engine} wrote no audio`, { cause, engine });
}

/** Everything configured that is heard. */
function versionOf({ command, args = [], input, format, env = {}, version = "0" }: CommandOptions): string {
  const digest = createHash("sha256").update(JSON.stringify([command, args, input, format, Object.entries(env)]));
  return `command@${ADAPTER_REVISION}+${digest.digest("hex").slice(0, 12)}+${version}`;
}

function valuesOf({ voice, speed, language = "" }: SynthesisRequest, text: string, file: string) {
  const lengthScale = String(Math.round(1000 / speed) / 1000);
  const wordsPerMinute = String(Math.round(NORMAL_WORDS_PER_MINUTE * speed));
  return { text, file, voice, speed: String(speed), lengthScale, wordsPerMinute, language };
}

/** An argument cannot hold a NUL, and programs stop at it; other controls mean nothing when spoken. */
function withoutControls(text: string): string {
  return text.replace(/(?![\t\n])\p{Cc}/gu, " ");
}
