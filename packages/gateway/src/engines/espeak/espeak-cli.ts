import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { concat } from "../../core/async.ts";
import { SpeechError } from "../../core/errors.ts";
import type { CallOptions, SpeechEngine, SynthesisChunk, SynthesisRequest } from "../../core/ports.ts";
import { Places } from "../places.ts";
import { audible } from "./audible.ts";
import * as espeak from "./espeak-voices.ts";

export type EspeakCliOptions = {
  readonly name: string;
  /** The program, by name or path. */
  readonly command: string;
  /** Most processes at a time. */
  readonly workers: number;
  readonly maxQueued: number;
  /** Of one process. */
  readonly timeoutMs: number;
};

const ADAPTER_REVISION = 1;
/** RIFF and fmt: the program writes exactly these before the samples. */
const WAV_HEADER_BYTES = 44;
const DETECTION_TIMEOUT_MS = 3000;
const run = promisify(execFile);

/** The system's espeak-ng as a child process per synthesis. Undefined when there is none that answers. */
export async function espeakCliEngine(options: EspeakCliOptions): Promise<SpeechEngine | undefined> {
  const { name, command, workers, maxQueued, timeoutMs } = options;
  const [versionText, listing] = await Promise.all([output(command, ["--version"]), output(command, ["--voices"])]);
  const version = /text-to-speech:\s*(\S+)/.exec(versionText ?? "")?.[1];
  const voices = parseVoices(listing ?? "");
  if (version === undefined || voices.length === 0) return undefined;
  const places = new Places({ name, size: workers, maxQueued });
  const running = new Set<ChildProcessWithoutNullStreams>();

  async function* synthesize(request: SynthesisRequest, { signal }: CallOptions): AsyncGenerator<SynthesisChunk> {
    const voice = espeak.voiceFile(request.voice, voices, name);
    const leave = await places.enter(signal);
    try {
      const speed = String(espeak.wordsPerMinute(request.speed));
      const pitch = String(espeak.pitchStep(request.pitch));
      // The text goes to stdin only, so it can never be read as an option.
      const child = spawn(command, ["--stdin", "--stdout", "-b", "1", "-v", voice, "-s", speed, "-p", pitch]);
      running.add(child);
      child.once("close", () => running.delete(child));
      yield* audible(speech(child, request.text, { name, timeoutMs, signal }), name);
    } finally {
      leave();
    }
  }

  return {
    name,
    version: `espeak-ng@${version}+${ADAPTER_REVISION}`,
    capabilities: {
      maxChars: espeak.ESPEAK_MAX_CHARS,
      speed: espeak.ESPEAK_SPEED,
      pitch: espeak.ESPEAK_PITCH,
      words: false,
      nearlyFree: true,
    },
    voices: async () => voices.map((voice) => espeak.voiceOf(voice, name)),
    outputFormat: () => ({ name: "pcm", sampleRateHz: espeak.ESPEAK_SAMPLE_RATE_HZ }),
    synthesize,
    async close() {
      places.close();
      for (const child of running) child.kill("SIGKILL");
    },
  };
}

type SpeechOptions = CallOptions & { readonly name: string; readonly timeoutMs: number };

/** The samples as the program writes them. Leaving early, the deadline and the signal all kill it. */
async function* speech(
  child: ChildProcessWithoutNullStreams,
  text: string,
  { name, timeoutMs, signal }: SpeechOptions,
): AsyncGenerator<SynthesisChunk> {
  let failure: SpeechError | undefined;
  const kill = (): void => void child.kill("SIGKILL");
  const deadline = setTimeout(() => {
    failure = new SpeechError("engine_timeout", `${name} took longer than ${timeoutMs} ms`, { engine: name });
    kill();
  }, timeoutMs);
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  child.once("error", (cause) => {
    failure ??= new SpeechError("engine_failed", `${name} could not be started`, { cause, engine: name });
  });
  child.stdin.on("error", () => {}); // it may die before it has read all; its exit status tells
  child.stderr.resume();
  signal.addEventListener("abort", kill, { once: true });
  try {
    if (signal.aborted) kill();
    child.stdin.end(`${espeak.safeText(text)}\n`);
    yield* samples(child.stdout);
    const status = await ended;
    signal.throwIfAborted();
    if (failure) throw failure;
    if (status !== 0) throw new SpeechError("engine_failed", `${name} ended with ${status}`, { engine: name });
  } catch (error) {
    signal.throwIfAborted();
    throw failure ?? SpeechError.from(error, "engine_failed", `${name} broke off`);
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener("abort", kill);
    kill();
  }
}

/** Everything behind the WAV header, whose length field means nothing while streaming. */
async function* samples(stdout: AsyncIterable<Uint8Array>): AsyncGenerator<SynthesisChunk> {
  let header: Uint8Array | undefined = new Uint8Array(0);
  for await (const chunk of stdout) {
    if (!header) yield { audio: chunk };
    else {
      header = concat([header, chunk]);
      if (header.byteLength < WAV_HEADER_BYTES) continue;
      checkHeader(header);
      const audio: Uint8Array = header.subarray(WAV_HEADER_BYTES);
      header = undefined;
      if (audio.byteLength > 0) yield { audio };
    }
  }
}

function checkHeader(header: Uint8Array): void {
  const view = new DataView(header.buffer, header.byteOffset);
  const fits = view.getUint32(0) === 0x52494646 && view.getUint32(36) === 0x64617461;
  if (!fits || view.getUint32(24, true) !== espeak.ESPEAK_SAMPLE_RATE_HZ || view.getUint16(34, true) !== 16)
    throw new SpeechError("engine_failed", "espeak-ng wrote another kind of WAV than expected");
}

/** Lines of `--voices`: priority, language, age/gender, name (spaces as underscores), file, other languages. */
function parseVoices(listing: string): espeak.EspeakVoice[] {
  const voices: espeak.EspeakVoice[] = [];
  for (const line of listing.split("\n").slice(1)) {
    const [, id, name, file] = /^\s*\d+\s+(\S+)\s+\S+\s+(\S+)\s+(\w\S*)/.exec(line) ?? [];
    if (id && name && file && !voices.some((voice) => voice.id === id))
      voices.push({ id, name: name.replaceAll("_", " ").trim(), file });
  }
  return voices;
}

/** What a command prints, or undefined when it cannot be run, fails or does not come to an end. */
async function output(command: string, args: readonly string[]): Promise<string | undefined> {
  // Not spawn(): its timeout holds the process to the end also where there is no such command.
  return run(command, args, { timeout: DETECTION_TIMEOUT_MS }).then(
    ({ stdout }) => stdout,
    () => undefined,
  );
}
