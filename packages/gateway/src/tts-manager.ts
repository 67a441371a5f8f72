import { randomUUID } from "node:crypto";
import { pino } from "pino";
import { composeSpeech, type Overrides } from "./compose.ts";
import type { ConfigInput } from "./config/config.ts";
import { resolveConfig } from "./config/load.ts";
import { collect, concat } from "./core/async.ts";
import type { AudioFormatName } from "./core/audio-format.ts";
import { SpeechError } from "./core/errors.ts";
import type { SpokenMark, WordTime } from "./core/ports.ts";
import type { Notice } from "./core/script.ts";
import { DEFAULT_CACHE_POLICY, type InputType, type Turn } from "./core/utterance.ts";
import type { Speech } from "./speech/speak.ts";

export type SynthesizeOptions = {
  /** What to say, unless there are turns. */
  readonly text?: string;
  /** How the text, or that of every turn, is written. Default `text`. */
  readonly inputType?: InputType;
  /** A dialogue in one answer. */
  readonly turns?: readonly Turn[];
  /** Silence between two turns. Default 300. */
  readonly turnPauseMs?: number;
  /** Default `alloy`. */
  readonly voice?: string;
  /** 0.25 to 4. */
  readonly speed?: number;
  /** 0.5 to 2. */
  readonly pitch?: number;
  /** 0.1 to 4. */
  readonly volume?: number;
  /** How to speak, for engines that can be told. */
  readonly instructions?: string;
  /** One of the voice's own ways of speaking. */
  readonly style?: string;
  readonly seed?: number;
  /** Whether a chat's markup is taken out of the text first. Default: as configured. */
  readonly clean?: boolean;
  readonly format?: AudioFormatName;
  readonly language?: string;
  /** Engines in order, `a,b`; default all. */
  readonly model?: string;
  /** Who is counted. Default: one shared `anonymous`. */
  readonly userId?: string;
  readonly signal?: AbortSignal;
};

export type SynthesizedSpeech = {
  readonly audio: Uint8Array;
  readonly metadata: {
    readonly format: AudioFormatName;
    readonly sampleRateHz: number;
    readonly durationMs: number;
    readonly engine: string;
    readonly voice: string;
    readonly segments: number;
    /** Known when all of it came from the cache; `estimated` where the engine gave no times. */
    readonly words?: readonly (WordTime & { readonly estimated?: true })[];
    /** Of an SSML text that has any. */
    readonly marks?: readonly SpokenMark[];
    /** What is not done as it was asked, and spoken all the same. */
    readonly notices: readonly Notice[];
  };
  readonly fromCache: boolean;
  readonly latencyMs: number;
};

export type PerformanceMetrics = {
  readonly cache: {
    readonly hits: number;
    readonly misses: number;
    /** 0..1, over segments. */
    readonly hitRate: number;
    readonly totalRequests: number;
    readonly totalCached: number;
    readonly memoryEntries: number;
    readonly memoryBytes: number;
    readonly ttlSeconds: number;
  };
  readonly health: { readonly degraded: readonly string[] };
};

export type TtsManager = {
  /** Speaks, or throws a SpeechError; `rate_limit_exceeded` carries `details.retryAfterMs`. */
  synthesize(options: SynthesizeOptions): Promise<SynthesizedSpeech>;
  getPerformanceMetrics(): PerformanceMetrics;
  close(): Promise<void>;
};

/** The gateway's speech without its server, for programs that embed it. */
export async function createTtsManager(input: ConfigInput = {}, overrides: Overrides = {}): Promise<TtsManager> {
  const config = resolveConfig(input);
  const speech = await composeSpeech(config, pino({ level: "silent" }), overrides);
  const { clock, formats, transcoder, counters } = speech;
  return {
    async synthesize({
      text = "",
      voice = "alloy",
      speed = 1,
      pitch = 1,
      volume = 1,
      format = "mp3",
      userId = "anonymous",
      signal = new AbortController().signal,
      ...rest
    }) {
      const startedAt = clock.monotonic();
      const utterance = {
        ...rest,
        text,
        voice,
        speed,
        pitch,
        volume,
        format: formats[format],
        cache: DEFAULT_CACHE_POLICY,
        subject: userId,
      };
      const result = await speech.speak(utterance, { signal, requestId: randomUUID() });
      if (!result.admitted) {
        const { retryAfterMs, window } = result.quota;
        throw new SpeechError("rate_limit_exceeded", `limit of ${window.limit} requests per ${window.name} reached`, {
          retryAfterMs,
        });
      }
      const { speech: answer } = result;
      const { audio, marks } = await heard(answer);
      const durationMs =
        answer.whole?.durationMs ?? (await transcoder.inspect(audio, answer.format, { signal })).durationMs;
      return {
        audio,
        metadata: {
          format,
          sampleRateHz: answer.format.sampleRateHz,
          durationMs,
          engine: answer.engine,
          voice: answer.voice,
          segments: answer.segments,
          notices: answer.notices,
          ...(marks !== undefined && { marks }),
          ...(answer.whole && {
            words: answer.whole.words.map(({ from: _, to: __, ...word }) => word),
          }),
        },
        fromCache: answer.fromCache,
        latencyMs: clock.monotonic() - startedAt,
      };
    },
    getPerformanceMetrics() {
      const { segments, memory, requests } = speech.stats();
      const degraded = Object.entries(speech.parts()).flatMap(([name, { status }]) =>
        status === "degraded" ? [name] : [],
      );
      return {
        cache: {
          hits: segments.hits,
          misses: segments.misses,
          hitRate: segments.hitRate,
          totalRequests: requests.delivered,
          totalCached: counters.stored,
          memoryEntries: memory.entries,
          memoryBytes: memory.bytes,
          ttlSeconds: config.cacheTtlSeconds,
        },
        health: { degraded },
      };
    },
    close: () => speech.close(),
  };
}

/** All of an answer, and its marks if it has any. */
async function heard({ audio, parts, marked, whole }: Speech): Promise<{ audio: Uint8Array; marks?: SpokenMark[] }> {
  if (!marked) return { audio: await collect(audio) };
  if (whole !== undefined) return { audio: whole.bytes, marks: whole.marks };
  const chunks: Uint8Array[] = [];
  const marks: SpokenMark[] = [];
  for await (const part of parts) {
    if (part.type === "audio") chunks.push(part.audio);
    else if (part.type === "marks") marks.push(...part.marks);
  }
  return { audio: concat(chunks), marks };
}
