import { createRequire } from "node:module";
import { basename } from "node:path";
import { SpeechError } from "../../core/errors.ts";
import type { CallOptions, SpeechEngine, SynthesisChunk, SynthesisRequest } from "../../core/ports.ts";
import { ONLY_NORMAL, SETTING_RANGES } from "../../core/speech-settings.ts";
import type { Gender, Voice } from "../../core/voice.ts";
import { EngineConfigError } from "../engine-config-error.ts";
import { Places } from "../places.ts";
import { ModelFolderError, type ModelFolderOptions, readModelFolder } from "./model-folder.ts";
import { ModelProcess } from "./model-process.ts";

export type NeuralVoice = {
  readonly id: string;
  /** Which of the model's speakers. Default: its place in the list. */
  readonly speaker?: number;
  readonly name?: string;
  readonly language?: string;
  readonly gender?: Gender;
};

export type NeuralEngineOptions = Omit<ModelFolderOptions, "threads"> & {
  readonly name: string;
  readonly language?: string;
  readonly voices?: readonly NeuralVoice[];
  readonly threads?: number;
  /** Copies of the model, each a text at a time. */
  readonly workers: number;
  readonly maxQueued: number;
  readonly loadTimeoutMs?: number;
  readonly modulePath?: string;
  readonly maxChars?: number;
  readonly version?: string;
};

const PACKAGE = "sherpa-onnx-node";
const ADAPTER_REVISION = 1;
const MAX_CHARS = 500;
const LOAD_TIMEOUT_MS = 60_000;

/**
 * A local neural voice (Piper, VITS, Kokoro, Matcha, Kitten) through sherpa-onnx, which is not among our packages: its binary
 * holds eSpeak NG, which is GPL. Loads the model once, to know that it works and at which rate it speaks. Undefined: the
 * package is not there. Throws an EngineConfigError for a folder or model that cannot speak.
 */
export async function createNeuralEngine(options: NeuralEngineOptions): Promise<SpeechEngine | undefined> {
  const { name, workers, threads = 1, loadTimeoutMs = LOAD_TIMEOUT_MS } = options;
  const installed = findModule(options.modulePath);
  if (installed === undefined) return undefined;
  const folder = readFolder(name, { ...options, threads });
  const models = Array.from(
    { length: workers },
    () => new ModelProcess({ name, module: installed.path, config: folder.config, loadTimeoutMs }),
  );
  const loaded = await models[0]!.load().catch((error: Error) => {
    throw new EngineConfigError(
      `engine "${name}": ${error.message}; is ${options.model} whole, and a ${folder.type} model?`,
    );
  });
  const voices = speakersOf(options, loaded.speakers, () => models[0]!.close());
  const idle = [...models];
  const places = new Places({ name, size: workers, maxQueued: options.maxQueued });

  async function* synthesize(request: SynthesisRequest, { signal }: CallOptions): AsyncGenerator<SynthesisChunk> {
    const { speaker } = voiceNamed(request.voice);
    const leave = await places.enter(signal);
    const model = idle.pop()!; // there is one for each place
    let heard = false;
    try {
      for await (const audio of model.speak({ text: request.text, speaker, speed: request.speed }, signal)) {
        heard = true;
        yield { audio };
      }
      if (!heard) throw new SpeechError("engine_cannot_say", `${name} knows no sound for this text`, { engine: name });
    } finally {
      void model.free().then(() => {
        idle.push(model);
        leave();
      });
    }
  }

  function voiceNamed(id: string) {
    const found = voices.find((voice) => voice.id === id);
    if (found !== undefined) return found;
    throw new SpeechError("voice_not_found", `${name} has no voice "${id}"`, { engine: name, param: "voice" });
  }

  return {
    name,
    version: `${PACKAGE}@${installed.version}+${ADAPTER_REVISION}+${options.version ?? folder.fingerprint}`,
    capabilities: {
      maxChars: options.maxChars ?? MAX_CHARS,
      speed: SETTING_RANGES.speed,
      pitch: ONLY_NORMAL,
      words: false,
      nearlyFree: true,
    },
    async voices() {
      return voices.map(({ speaker: _, ...voice }): Voice => ({ ...voice, engine: name }));
    },
    outputFormat: () => ({ name: "pcm", sampleRateHz: loaded.sampleRateHz }),
    synthesize,
    async close() {
      places.close();
      for (const model of models) model.close();
    },
  };
}

function findModule(path: string | undefined): { readonly path: string; readonly version: string } | undefined {
  const require = createRequire(import.meta.url);
  try {
    const found = require.resolve(path ?? PACKAGE);
    const { version } = createRequire(found)("./package.json") as { version: string };
    return { path: found, version };
  } catch {
    return undefined;
  }
}

function readFolder(name: string, options: ModelFolderOptions) {
  try {
    return readModelFolder(options);
  } catch (error) {
    throw error instanceof ModelFolderError ? new EngineConfigError(`engine "${name}": ${error.message}`) : error;
  }
}

/** Voices by their speakers; `onWrong` is called before it throws. */
function speakersOf(options: NeuralEngineOptions, speakers: number, onWrong: () => void) {
  const { name, model, voices, language = languageIn(model) } = options;
  const named = voices ?? Array.from({ length: speakers }, (_, at): NeuralVoice => ({ id: String(at) }));
  return named.map(({ id, speaker = named.length === 1 ? 0 : named.findIndex((one) => one.id === id), ...voice }) => {
    if (speaker < speakers) return { id, speaker, name: id, language, ...voice };
    onWrong();
    throw new EngineConfigError(
      `engine "${name}": voices: "${id}" is speaker ${speaker}, and the model has ${speakers}`,
    );
  });
}

/** Archives are called `vits-piper-en_US-amy-low`, `matcha-icefall-zh-baker`. */
function languageIn(folder: string): string {
  const [, language, region] = /(?:^|-)([a-z]{2})(?:_([A-Z]{2}))?(?=-|$)/.exec(basename(folder)) ?? [];
  if (language === undefined) return "und";
  return region === undefined ? language : `${language}-${region}`;
}
