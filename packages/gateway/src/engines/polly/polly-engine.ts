import type { AudioFormat } from "../../core/audio-format.ts";
import type { Clock } from "../../core/clock.ts";
import type {
  CallOptions,
  EngineCapabilities,
  SpeechEngine,
  SynthesisChunk,
  SynthesisRequest,
} from "../../core/ports.ts";
import { ONLY_NORMAL } from "../../core/speech-settings.ts";
import type { Voice } from "../../core/voice.ts";
import { expectFormat } from "../expect-format.ts";
import { textSsml } from "../phoneme-elements.ts";
import { answerBytes, askServer } from "../remote/ask-server.ts";
import { mp3BitrateBps } from "../sniff-format.ts";
import { type WordStart, wordsFromStarts } from "../words-from-starts.ts";

import { awsChain } from "./aws-chain.ts";
import { pollyRefusal } from "./polly-refusal.ts";
import { pollyVoices } from "./polly-voices.ts";
import { type AwsCredentials, signedHeaders } from "./sign-request.ts";
import { readSpeechMarks } from "./speech-marks.ts";

/** `OutputFormat`s that the gateway can read. PCM has no more than 16 kHz here. */
export const POLLY_FORMATS = {
  mp3: { name: "mp3", sampleRateHz: 24_000, bitrateBps: 48_000 },
  pcm: { name: "pcm", sampleRateHz: 16_000 },
} as const satisfies Record<string, AudioFormat>;

/** Polly's `Engine`s, which are what others call models. */
export const POLLY_MODELS = ["generative", "long-form", "neural", "standard"] as const;
export type PollyModel = (typeof POLLY_MODELS)[number];

export type PollyOptions = {
  readonly name: string;
  readonly clock: Clock;
  readonly region: string;
  /** Default: those that AWS's own tools would use, by AWS's own package. */
  readonly credentials?: AwsCredentials;
  /** Default: the region's. */
  readonly baseUrl?: string;
  /** Default `neural`. */
  readonly model?: PollyModel;
  /** Word times, by a second request that AWS bills like the first. Default false. */
  readonly words?: boolean;
  /** Default `mp3`. */
  readonly outputFormat?: keyof typeof POLLY_FORMATS;
  readonly maxChars?: number;
  readonly version?: string;
  readonly fetch?: typeof globalThis.fetch;
};

const ADAPTER_REVISION = 1;
/** Of text; with its SSML a request may have twice as many. */
const MAX_CHARS = 3_000;
/** Of `prosody`'s rate. */
const SPEED = { min: 0.2, max: 2 };
/** Of its `phoneme` element. */
const PHONEMES = {
  alphabets: ["ipa", "x-sampa", "x-amazon-pinyin", "x-amazon-yomigana", "x-amazon-pron-kana"],
};

type Output = {
  readonly OutputFormat: string;
  readonly SampleRate?: string;
  readonly SpeechMarkTypes?: readonly string[];
};

/**
 * Amazon Polly by plain fetch, its requests signed here. Audio streams as it is made; word times are speech marks, which
 * are a request of their own, made at the same time. Rejects with an EngineConfigError without keys and AWS's package.
 */
export async function createPollyEngine(options: PollyOptions): Promise<SpeechEngine> {
  const { name, clock, region, model = "neural", outputFormat = "mp3", words = false } = options;
  const baseUrl = (
    options.baseUrl ?? `https://polly.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`
  ).replace(/\/+$/, "");
  const ask = askServer({ ...options, baseUrl });
  const { credentials } = options;
  const identify = credentials ? async () => credentials : await awsChain(name);
  const format: AudioFormat = POLLY_FORMATS[outputFormat];
  const capabilities: EngineCapabilities = {
    maxChars: options.maxChars ?? MAX_CHARS,
    speed: SPEED,
    pitch: ONLY_NORMAL, // of its voices only the standard ones have one
    language: "told",
    ...(model !== "generative" && { phonemes: PHONEMES }),
    words,
    nearlyFree: false,
  };

  /** As last listed: with the languages of each. */
  let listed: ReadonlyMap<string, Voice> = new Map();

  async function send(method: string, path: string, body: string, signal: AbortSignal): Promise<Response> {
    signal.throwIfAborted();
    const request = { method, url: new URL(`${baseUrl}${path}`), body, region, service: "polly", nowMs: clock.now() };
    const type: Record<string, string> = body === "" ? {} : { "content-type": "application/json" };
    const headers = signedHeaders({ ...request, headers: type }, await identify());
    return ask(path, { method, headers, ...(body !== "" && { body }) }, signal);
  }

  async function speech(request: SynthesisRequest, output: Output, signal: AbortSignal): Promise<Response> {
    const code = languageCode(request.language, listed.get(request.voice));
    const response = await send("POST", "/v1/speech", JSON.stringify(bodyOf(request, model, output, code)), signal);
    if (response.ok) return response;
    const error = await pollyRefusal(response, name);
    signal.throwIfAborted();
    throw error;
  }

  async function* synthesize(
    request: SynthesisRequest,
    { signal: callers }: CallOptions,
  ): AsyncGenerator<SynthesisChunk> {
    const over = new AbortController(); // ends the one request when the other has failed or nobody listens
    const signal = AbortSignal.any([callers, over.signal]);
    let whole = false;
    try {
      const marks = words ? starts(request, signal) : undefined;
      marks?.catch(() => {}); // looked at below
      const sound = { OutputFormat: outputFormat, SampleRate: String(format.sampleRateHz) };
      const response = await Promise.race([speech(request, sound, signal), ...(marks ? [failureOf(marks)] : [])]);
      let bytes = 0;
      let first: Uint8Array | undefined;
      const counted = async function* (): AsyncGenerator<SynthesisChunk> {
        for await (const audio of answerBytes(response, name, signal)) {
          bytes += audio.byteLength;
          first ??= audio;
          yield { audio };
        }
      };
      yield* expectFormat(counted(), format, name);
      if (marks) yield { words: wordsFromStarts(await marks, lengthMs(bytes, first!, format)) };
      whole = true;
    } finally {
      if (!whole) over.abort(new Error("nobody listens any more")); // else the connections stay for the next ones
    }
  }

  async function starts(request: SynthesisRequest, signal: AbortSignal): Promise<WordStart[]> {
    const response = await speech(request, { OutputFormat: "json", SpeechMarkTypes: ["word"] }, signal);
    return readSpeechMarks(answerBytes(response, name, signal), name, signal);
  }

  return {
    name,
    version: `polly@${ADAPTER_REVISION}+${model}+${outputFormat}+${options.version ?? "0"}`,
    capabilities,
    async voices({ signal }) {
      const voices = await pollyVoices((path) => send("GET", path, "", signal), { engine: name, signal, model });
      listed = new Map(voices.map((voice) => [voice.id, voice]));
      return voices;
    },
    outputFormat: () => format,
    synthesize,
    async close() {},
  };
}

/** SSML only where it is needed, because text needs no escapes. */
function bodyOf(request: SynthesisRequest, model: PollyModel, output: Output, code: string | undefined): unknown {
  const { text, voice, speed, phonemes } = request;
  const said = speed === 1 && phonemes === undefined ? { Text: text } : { Text: ssmlOf(request), TextType: "ssml" };
  return {
    Engine: model,
    VoiceId: voice,
    ...(code !== undefined && { LanguageCode: code }),
    ...output,
    ...said,
  };
}

/** Of the codes that a voice has, the one that is meant: it is refused with any other. Undefined: its own. */
function languageCode(asked: string | undefined, voice: Voice | undefined): string | undefined {
  if (asked === undefined || voice === undefined) return asked;
  const [primary] = asked.toLowerCase().split("-");
  const codes = [voice.language, ...(voice.languages ?? [])];
  return (
    codes.find((code) => code.toLowerCase() === asked.toLowerCase()) ??
    codes.find((code) => code.toLowerCase().startsWith(`${primary}-`))
  );
}

function ssmlOf(request: SynthesisRequest): string {
  const said = textSsml(request);
  if (request.speed === 1) return `<speak>${said}</speak>`;
  return `<speak><prosody rate="${Math.round(request.speed * 100)}%">${said}</prosody></speak>`;
}

/** Rejects as the promise does, and never resolves. */
function failureOf(promise: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    promise.catch(reject);
  });
}

/** Of audio with a constant bit rate. */
function lengthMs(bytes: number, first: Uint8Array, { name, sampleRateHz, bitrateBps }: AudioFormat): number {
  const bitsPerSecond = name === "pcm" ? sampleRateHz * 16 : (mp3BitrateBps(first) ?? bitrateBps ?? 48_000);
  return (bytes * 8 * 1000) / bitsPerSecond;
}
