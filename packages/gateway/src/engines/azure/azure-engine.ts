import { randomBytes } from "node:crypto";
import type { AudioFormat } from "../../core/audio-format.ts";
import type { Clock } from "../../core/clock.ts";
import { SpeechError } from "../../core/errors.ts";
import type {
  CallOptions,
  EngineCapabilities,
  SpeechEngine,
  SynthesisChunk,
  SynthesisRequest,
} from "../../core/ports.ts";
import type { Voice } from "../../core/voice.ts";
import { VERSION } from "../../version.ts";
import { expectFormat } from "../expect-format.ts";
import { KeptSockets } from "../microsoft/kept-sockets.ts";
import { serviceFailure } from "../microsoft/service-failure.ts";
import { HandshakeRefused, ServiceSocket } from "../microsoft/service-socket.ts";
import { readTurn } from "../microsoft/turn.ts";
import { readVoiceList } from "../microsoft/voice-list.ts";
import { askServer } from "../remote/ask-server.ts";
import { refusal, refusalBecause } from "../remote/refusal.ts";
import {
  AZURE_PHONEMES,
  AZURE_PITCH,
  AZURE_SPEED,
  azureSsml,
  configFrame,
  contextFrame,
  ssmlFrame,
} from "./azure-frames.ts";

/** Output formats of the service that the gateway can read. */
export const AZURE_FORMATS = {
  "raw-16khz-16bit-mono-pcm": { name: "pcm", sampleRateHz: 16_000 },
  "raw-24khz-16bit-mono-pcm": { name: "pcm", sampleRateHz: 24_000 },
  "raw-48khz-16bit-mono-pcm": { name: "pcm", sampleRateHz: 48_000 },
  "audio-24khz-48kbitrate-mono-mp3": { name: "mp3", sampleRateHz: 24_000, bitrateBps: 48_000 },
  "audio-24khz-96kbitrate-mono-mp3": { name: "mp3", sampleRateHz: 24_000, bitrateBps: 96_000 },
  "audio-24khz-160kbitrate-mono-mp3": { name: "mp3", sampleRateHz: 24_000, bitrateBps: 160_000 },
  "audio-48khz-96kbitrate-mono-mp3": { name: "mp3", sampleRateHz: 48_000, bitrateBps: 96_000 },
  "audio-48khz-192kbitrate-mono-mp3": { name: "mp3", sampleRateHz: 48_000, bitrateBps: 192_000 },
} as const satisfies Record<string, AudioFormat>;

export type AzureFormat = keyof typeof AZURE_FORMATS;

export type AzureOptions = {
  readonly name: string;
  readonly apiKey: string;
  readonly clock: Clock;
  /** For example `westeurope`. One of this and `baseUrl`. */
  readonly region?: string;
  /** Of a custom domain or container: what stands before `/cognitiveservices`. */
  readonly baseUrl?: string;
  /** Of a custom neural voice's deployment. */
  readonly deployment?: string;
  /** Default `raw-24khz-16bit-mono-pcm`. */
  readonly outputFormat?: AzureFormat;
  readonly maxChars?: number;
  /** Raise it when a custom voice has been trained anew. */
  readonly version?: string;
  readonly fetch?: typeof globalThis.fetch;
};

const ADAPTER_REVISION = 1;
const MAX_CHARS = 5_000;
const MAX_RESTING = 8;
/** The service leaves idle connections after some minutes. */
const REST_MS = 60_000;

/**
 * Azure AI Speech over its WebSocket, as Microsoft's SDK speaks it: audio and word boundaries as they are made. A
 * connection is kept for the next turn; one that is left in the middle is closed, which is what ends the work there.
 */
export function azureEngine(options: AzureOptions): SpeechEngine {
  const { name, clock, outputFormat = "raw-24khz-16bit-mono-pcm" } = options;
  const format: AudioFormat = AZURE_FORMATS[outputFormat];
  const baseUrl = baseUrlOf(options);
  const headers = { "Ocp-Apim-Subscription-Key": options.apiKey };
  const ask = askServer({ ...options, baseUrl, headers });
  const query = options.deployment === undefined ? "" : `?deploymentId=${encodeURIComponent(options.deployment)}`;
  const url = `${baseUrl.replace(/^http/, "ws")}/cognitiveservices/websocket/v1${query}`;
  let closed = false;
  const stopping = (): SpeechError => new SpeechError("shutting_down", `${name} is closed`, { engine: name });
  const sockets = new KeptSockets({
    ...{ clock, maxResting: MAX_RESTING, restMs: REST_MS },
    connect(signal) {
      const socket = new ServiceSocket(url, { headers: { ...headers, "X-ConnectionId": newId() }, signal });
      return socket;
    },
  });
  /** As last listed: with the styles and languages of each. */
  let listed: ReadonlyMap<string, Voice> = new Map();
  const capabilities: EngineCapabilities = {
    maxChars: options.maxChars ?? MAX_CHARS,
    speed: AZURE_SPEED,
    pitch: AZURE_PITCH,
    style: true,
    language: "told",
    phonemes: AZURE_PHONEMES,
    words: true,
    nearlyFree: false,
  };

  async function* synthesize(request: SynthesisRequest, { signal }: CallOptions): AsyncGenerator<SynthesisChunk> {
    signal.throwIfAborted();
    if (closed) throw stopping();
    const ssml = azureSsml(request, name, listed.get(request.voice));
    let lent: ServiceSocket | undefined;
    try {
      const { socket, messages, requestId } = await begin(ssml, signal, (taken) => {
        lent = taken;
      });
      yield* expectFormat(readTurn(messages, { engine: name, requestId }), format, name);
      sockets.giveBack(socket);
      lent = undefined;
    } catch (thrown) {
      signal.throwIfAborted(); // our caller left: not the engine's fault
      throw thrown instanceof HandshakeRefused ? refused(thrown, name) : serviceFailure(thrown, name);
    } finally {
      lent?.destroy(new Error("nobody listens any more"));
    }
  }

  /** Asks for a turn and waits for its first message: where a kept connection turns out to be dead, on a new one. */
  async function begin(ssml: string, signal: AbortSignal, took: (socket: ServiceSocket) => void) {
    let { socket, used } = await sockets.take(signal);
    for (;;) {
      took(socket);
      const requestId = newId();
      const now = new Date(clock.now());
      if (!used) socket.send(configFrame(now, requestId, VERSION));
      socket.send(contextFrame(now, requestId, outputFormat));
      socket.send(ssmlFrame(now, requestId, ssml));
      const messages = socket.messages();
      try {
        const first = await messages.next();
        return { socket, requestId, messages: following(first.value, messages) };
      } catch (thrown) {
        if (!used || signal.aborted || closed) throw thrown;
        socket = await sockets.open(signal);
        used = false;
      }
    }
  }

  return {
    name,
    version: `azure@${ADAPTER_REVISION}+${outputFormat}+${options.deployment ?? ""}+${options.version ?? "0"}`,
    capabilities,
    async voices({ signal }) {
      const response = await ask("/cognitiveservices/voices/list", {}, signal);
      if (!response.ok) throw await refusal(response, name);
      try {
        const voices = await readVoiceList(response, name);
        listed = new Map(voices.map((voice) => [voice.id, voice]));
        return voices;
      } catch (thrown) {
        signal.throwIfAborted();
        throw SpeechError.from(thrown, "engine_failed", `${name} does not list its voices`);
      }
    },
    outputFormat: () => format,
    synthesize,
    async close() {
      closed = true;
      await sockets.close(stopping());
    },
  };
}

/** China and the US government have clouds of their own. */
function baseUrlOf({ region = "", baseUrl }: AzureOptions): string {
  if (baseUrl !== undefined) return baseUrl.replace(/\/+$/, "");
  const suffix = region.startsWith("china") ? "azure.cn" : region.startsWith("usgov") ? "azure.us" : "microsoft.com";
  return `https://${region}.tts.speech.${suffix}`;
}

function refused({ status, headers }: HandshakeRefused, engine: string): SpeechError {
  const after = headers["retry-after"];
  return refusalBecause(
    { status, headers: new Headers(after === undefined ? {} : { "retry-after": String(after) }) },
    engine,
    {},
  );
}

async function* following<T>(first: T, rest: AsyncGenerator<T, never, void>): AsyncGenerator<T, void, void> {
  yield first;
  yield* rest;
}

function newId(): string {
  return randomBytes(16).toString("hex");
}
