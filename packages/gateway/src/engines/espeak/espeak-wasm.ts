import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { isAbsolute } from "node:path";
import { pathToFileURL } from "node:url";
import { SpeechError } from "../../core/errors.ts";
import type { CallOptions, SpeechEngine, SynthesisChunk, SynthesisRequest } from "../../core/ports.ts";
import { WorkerPool } from "../../threads/worker-pool.ts";
import { audible } from "./audible.ts";
import type { EspeakJob, EspeakMessage, EspeakWorkerData } from "./espeak-job.ts";
import * as espeak from "./espeak-voices.ts";

export type EspeakWasmOptions = {
  readonly name: string;
  /** Where the package is, if not among our own: its directory. */
  readonly modulePath?: string;
  readonly workers: number;
  readonly maxQueued: number;
  readonly timeoutMs: number;
};

const ADAPTER_REVISION = 1;
/** GPL-3, so it is no dependency of ours: used where its owner has installed it. */
const PACKAGE = "@echogarden/espeak-ng-emscripten";
const ABORT_GRACE_MS = 500;
const DETECTION_TIMEOUT_MS = 10_000;

/** eSpeak NG in worker threads. Undefined when the package is not installed; rejects when it is but does not load. */
export async function espeakWasmEngine(options: EspeakWasmOptions): Promise<SpeechEngine | undefined> {
  const { name, workers, maxQueued, timeoutMs } = options;
  const found = await locate(options.modulePath ?? PACKAGE);
  if (!found) return undefined;
  const script = new URL(
    import.meta.url.endsWith(".ts") ? "./espeak-worker.ts" : "./espeak-worker.js",
    import.meta.url,
  );
  const workerData: EspeakWorkerData = { module: found.url };
  const pool = new WorkerPool<EspeakJob, EspeakMessage>({
    ...{ name, script, size: workers, maxQueued, timeoutMs, workerData },
    abortGraceMs: ABORT_GRACE_MS,
  });
  const voices = await listVoices(pool).catch(async (error: unknown) => {
    await pool.close();
    throw error;
  });

  const synthesize = (request: SynthesisRequest, { signal }: CallOptions): AsyncIterable<SynthesisChunk> => {
    const voice = espeak.voiceFile(request.voice, voices, name);
    const words = espeak
      .safeText(request.text)
      .split(/\s+/u)
      .filter((word) => word !== "");
    const pitchStep = espeak.pitchStep(request.pitch);
    const job: EspeakJob = {
      kind: "speak",
      words,
      voice,
      wordsPerMinute: espeak.wordsPerMinute(request.speed),
      pitchStep,
    };
    return audible(pool.run(job, { signal }), name);
  };

  return {
    name,
    version: `${PACKAGE}@${found.version}+${ADAPTER_REVISION}`,
    capabilities: {
      maxChars: espeak.ESPEAK_MAX_CHARS,
      speed: espeak.ESPEAK_SPEED,
      pitch: espeak.ESPEAK_PITCH,
      words: true,
      nearlyFree: true,
    },
    voices: async () => voices.map((voice) => espeak.voiceOf(voice, name)),
    outputFormat: () => ({ name: "pcm", sampleRateHz: espeak.ESPEAK_SAMPLE_RATE_HZ }),
    synthesize,
    close: () => pool.close(),
  };
}

async function locate(place: string): Promise<{ url: string; version: string } | undefined> {
  const require = createRequire(import.meta.url);
  let manifestPath: string;
  try {
    manifestPath = require.resolve(`${place}/package.json`);
  } catch {
    return undefined;
  }
  const { version } = JSON.parse(await readFile(manifestPath, "utf8")) as { version: string };
  const entry = require.resolve(isAbsolute(place) ? place : PACKAGE);
  return { url: pathToFileURL(entry).href, version };
}

async function listVoices(pool: WorkerPool<EspeakJob, EspeakMessage>): Promise<readonly espeak.EspeakVoice[]> {
  for await (const { voices } of pool.run({ kind: "voices" }, { signal: AbortSignal.timeout(DETECTION_TIMEOUT_MS) }))
    if (voices) return voices;
  throw new SpeechError("engine_failed", "espeak listed no voices");
}
