import type { AudioFormat } from "../../src/core/audio-format.ts";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { SpeechError } from "../../src/core/errors.ts";
import type {
  EngineCapabilities,
  SpeechEngine,
  SynthesisChunk,
  SynthesisRequest,
  WordTime,
} from "../../src/core/ports.ts";

export type StandInOptions = {
  readonly name?: string;
  readonly version?: string;
  /** Before the first chunk. Default 0. */
  readonly firstByteMs?: number;
  /** Between chunks. Default 0. */
  readonly chunkMs?: number;
  /** Audio per chunk. Default 100. */
  readonly chunkDurationMs?: number;
  /** Audio per character of text. Default 20. */
  readonly durationMsPerChar?: number;
  /** Breaks off with `engine_failed` once this many bytes went out; 0: before the first. */
  readonly failAfterBytes?: number;
  /** What it fails with instead. */
  readonly failWith?: SpeechError;
  /** Never answers, until aborted. */
  readonly hang?: boolean;
  /** Gives zeroes instead of tones. */
  readonly silence?: boolean;
  /** pcm or wav. Default: pcm at 24 kHz. */
  readonly format?: AudioFormat;
  readonly words?: boolean;
  /** Silence before the first word, and at every space: then each word can be heard to begin. */
  readonly leadMs?: number;
  readonly nearlyFree?: boolean;
  /** What it declares otherwise. */
  readonly capabilities?: Partial<EngineCapabilities>;
  readonly maxChars?: number;
  readonly clock?: Clock;
};

/** A scripted engine that tells what was asked of it. Options may be changed between calls through `script`. */
export type StandInEngine = SpeechEngine & {
  readonly script: { -readonly [Option in keyof StandInOptions]: StandInOptions[Option] };
  /** Every request so far, in order. */
  readonly requests: readonly SynthesisRequest[];
  readonly calls: number;
  /** Syntheses running now. */
  readonly active: number;
  readonly mostActive: number;
  /** Reasons of the syntheses that were aborted. */
  readonly aborts: readonly unknown[];
  /** Syntheses left by their reader before their end, without an abort. */
  readonly abandoned: number;
  readonly finished: number;
  readonly closed: boolean;
};

const VOICES = [
  { id: "one", name: "One", language: "en-US", gender: "female" },
  { id: "two", name: "Two", language: "en-GB", gender: "male" },
] as const;

/** Tones whose melody is the text, so that different texts, voices, speeds and pitches sound different, and alike ones alike. */
export function standInEngine(options: StandInOptions = {}): StandInEngine {
  const script = { ...options };
  const name = options.name ?? "stand-in";
  const state = {
    requests: [] as SynthesisRequest[],
    aborts: [] as unknown[],
    active: 0,
    mostActive: 0,
    abandoned: 0,
    finished: 0,
    closed: false,
  };
  const formatNow = (): AudioFormat => script.format ?? { name: "pcm", sampleRateHz: 24_000 };

  async function* synthesize(
    request: SynthesisRequest,
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<SynthesisChunk> {
    state.requests.push(request);
    state.mostActive = Math.max(state.mostActive, ++state.active);
    let settled = false;
    try {
      signal.throwIfAborted();
      yield* play(request, { ...script }, name, signal);
      settled = true;
      state.finished++;
    } catch (error) {
      settled = true;
      if (signal.aborted) state.aborts.push(signal.reason);
      throw error;
    } finally {
      state.active--;
      if (!settled) state.abandoned++;
    }
  }

  return {
    name,
    version: options.version ?? "stand-in@1",
    capabilities: {
      maxChars: options.maxChars ?? 4096,
      speed: { min: 0.25, max: 4 },
      pitch: { min: 0.5, max: 2 },
      words: options.words ?? false,
      nearlyFree: options.nearlyFree ?? false,
      ...options.capabilities,
    },
    voices: async () => VOICES.map((voice) => ({ ...voice, engine: name })),
    outputFormat: () => formatNow(),
    synthesize,
    close: async () => {
      state.closed = true;
    },
    script,
    get requests() {
      return state.requests;
    },
    get calls() {
      return state.requests.length;
    },
    get active() {
      return state.active;
    },
    get mostActive() {
      return state.mostActive;
    },
    get aborts() {
      return state.aborts;
    },
    get abandoned() {
      return state.abandoned;
    },
    get finished() {
      return state.finished;
    },
    get closed() {
      return state.closed;
    },
  };
}

async function* play(
  request: SynthesisRequest,
  script: StandInOptions,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<SynthesisChunk> {
  const { clock = systemClock, failAfterBytes = Number.POSITIVE_INFINITY, chunkMs = 0, firstByteMs = 0 } = script;
  const failure = script.failWith ?? new SpeechError("engine_failed", `${name} broke off`, { engine: name });
  if (script.hang) await clock.sleep(2 ** 30, signal);
  if (firstByteMs > 0) await clock.sleep(firstByteMs, signal);
  if (script.failWith && script.failAfterBytes === undefined) throw failure;
  if (!VOICES.some(({ id }) => id === request.voice))
    throw new SpeechError("voice_not_found", `${name} has no such voice`);
  const audio = toneAudio(request, script);
  const { sampleRateHz } = script.format ?? { sampleRateHz: 24_000 };
  const step = Math.max(2, Math.round((sampleRateHz * (script.chunkDurationMs ?? 100)) / 1000) * 2);
  let sent = 0;
  while (sent < audio.byteLength) {
    if (sent >= failAfterBytes) throw failure;
    if (sent > 0 && chunkMs > 0) await clock.sleep(chunkMs, signal);
    signal.throwIfAborted();
    const end = Math.min(audio.byteLength, sent + step, Math.max(failAfterBytes, sent + 1));
    yield { audio: audio.slice(sent, end) };
    sent = end;
  }
  if (failAfterBytes <= sent) throw failure;
  if (script.words) yield { words: standInWords(request, script) };
}

const durationMsOf = ({ text, speed }: SynthesisRequest, { durationMsPerChar = 20 }: StandInOptions): number =>
  (text.length * durationMsPerChar) / speed;

/** The bytes of a whole synthesis, for comparing. */
export function toneAudio(request: SynthesisRequest, script: StandInOptions = {}): Uint8Array {
  const { name: container, sampleRateHz } = script.format ?? { name: "pcm", sampleRateHz: 24_000 };
  const perChar = (sampleRateHz * durationMsOf(request, script)) / 1000 / Math.max(1, request.text.length);
  const lead = Math.round((sampleRateHz * (script.leadMs ?? 0)) / 1000);
  const samples = new Int16Array(lead + Math.max(1, Math.round(perChar * request.text.length)));
  const shift = request.voice === "two" ? 0.6 : 1;
  for (let n = lead, phase = 0; n < samples.length && !script.silence; n++) {
    const at = Math.min(request.text.length - 1, Math.floor((n - lead) / perChar));
    const code = request.text.charCodeAt(at) || 0;
    if (script.leadMs !== undefined && code === 32) continue;
    phase += (2 * Math.PI * (200 + (code % 96) * 6) * shift * request.pitch) / sampleRateHz;
    samples[n] = Math.round(9000 * Math.sin(phase));
  }
  const pcm = new Uint8Array(samples.buffer);
  return container === "wav" ? wavOf(pcm, sampleRateHz) : pcm;
}

/** A WAV file of one channel of s16le. */
export function wavOf(pcm: Uint8Array, sampleRateHz: number): Uint8Array {
  const header = Buffer.alloc(44);
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(36 + pcm.byteLength, 4);
  header.write("WAVEfmt ", 8, "latin1");
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(sampleRateHz, 24);
  header.writeUInt32LE(sampleRateHz * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(pcm.byteLength, 40);
  return new Uint8Array(Buffer.concat([header, pcm]));
}

function standInWords(request: SynthesisRequest, script: StandInOptions): WordTime[] {
  const perChar = durationMsOf(request, script) / Math.max(1, request.text.length);
  return [...request.text.matchAll(/\S+/g)].map(({ 0: text, index }) => ({
    text,
    startMs: Math.round((script.leadMs ?? 0) + index * perChar),
    endMs: Math.round((script.leadMs ?? 0) + (index + text.length) * perChar),
  }));
}
