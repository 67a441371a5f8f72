import type { AudioFormat } from "../../core/audio-format.ts";
import type { Clock } from "../../core/clock.ts";
import { SpeechError } from "../../core/errors.ts";
import type { CallOptions, SpeechEngine, SynthesisChunk, SynthesisRequest, WordTime } from "../../core/ports.ts";
import type { Voice } from "../../core/voice.ts";
import { refusal, serviceFailure } from "../microsoft/service-failure.ts";
import { HandshakeRefused, ServiceSocket } from "../microsoft/service-socket.ts";
import { splitEscaped } from "../microsoft/ssml.ts";
import { readTurn } from "../microsoft/turn.ts";
import { readVoiceList } from "../microsoft/voice-list.ts";
import { escapedText } from "../xml-text.ts";
import { EdgeAccess, newId } from "./edge-access.ts";
import { configFrame, EDGE_PITCH, EDGE_SPEED, edgeSsml, longVoiceName, ssmlFrame } from "./edge-frames.ts";

/** Raised whenever our own handling changes what is heard. */
const ADAPTER_REVISION = 1;
const MAX_PART_BYTES = 4096;

/** What the service still gives to callers like us; its WebM is no container of ours. Constant bit rates. */
export const EDGE_OUTPUT_FORMATS = {
  "audio-24khz-48kbitrate-mono-mp3": { name: "mp3", sampleRateHz: 24_000, bitrateBps: 48_000 },
  "audio-24khz-96kbitrate-mono-mp3": { name: "mp3", sampleRateHz: 24_000, bitrateBps: 96_000 },
} as const satisfies Record<string, AudioFormat>;

/** Known to anybody who looks into the browser: they say which client this is, not who. */
export const EDGE_DEFAULTS = {
  baseUrl: "https://speech.platform.bing.com/consumer/speech/synthesize/readaloud",
  trustedClientToken: "6A5AA1D4EAFF4E9FB37E23D68491D6F4",
  chromiumVersion: "143.0.3650.75",
  outputFormat: "audio-24khz-48kbitrate-mono-mp3",
} as const;

export type EdgeEngineOptions = {
  readonly name: string;
  readonly clock: Clock;
  /** Up to and with `/readaloud`. */
  readonly baseUrl?: string;
  readonly trustedClientToken?: string;
  /** Of the Edge that we say we are. The service has refused old ones. */
  readonly chromiumVersion?: string;
  readonly outputFormat?: keyof typeof EDGE_OUTPUT_FORMATS;
  readonly fetch?: typeof globalThis.fetch;
};

/**
 * The voices that Microsoft Edge reads pages aloud with. Not an offer to the public: it may change or refuse us any day,
 * so it belongs before another engine, never alone. One connection per synthesis, as the browser does it.
 */
export function createEdgeEngine(options: EdgeEngineOptions): SpeechEngine {
  return new EdgeEngine(options);
}

class EdgeEngine implements SpeechEngine {
  readonly name: string;
  readonly version = `edge@${ADAPTER_REVISION}`;
  readonly capabilities = {
    maxChars: MAX_PART_BYTES,
    speed: EDGE_SPEED,
    pitch: EDGE_PITCH,
    words: true,
    nearlyFree: false,
  };
  readonly #clock: Clock;
  readonly #fetch: typeof globalThis.fetch;
  readonly #baseUrl: string;
  readonly #access: EdgeAccess;
  readonly #outputFormat: keyof typeof EDGE_OUTPUT_FORMATS;
  readonly #sockets = new Set<ServiceSocket>();
  #closed = false;

  constructor(options: EdgeEngineOptions) {
    const { name, clock, trustedClientToken, chromiumVersion, outputFormat, baseUrl } = {
      ...EDGE_DEFAULTS,
      ...options,
    };
    this.name = name;
    this.#clock = clock;
    this.#fetch = options.fetch ?? globalThis.fetch;
    this.#baseUrl = baseUrl.replace(/\/+$/, "");
    this.#outputFormat = outputFormat;
    this.#access = new EdgeAccess({ clock, trustedClientToken, chromiumVersion });
  }

  outputFormat(): AudioFormat {
    return EDGE_OUTPUT_FORMATS[this.#outputFormat];
  }

  async voices({ signal }: CallOptions): Promise<readonly Voice[]> {
    signal.throwIfAborted();
    try {
      let response = await this.#list(signal);
      if (response.status === 403 && this.#access.learn(response.headers.get("date"))) {
        await response.body?.cancel();
        response = await this.#list(signal);
      }
      if (response.ok) return await readVoiceList(response, this.name);
      await response.body?.cancel(); // an unread body keeps its pooled socket busy
      throw this.#refusal(response.status, response.headers.get("retry-after"));
    } catch (thrown) {
      signal.throwIfAborted(); // our caller left: not the engine's fault
      throw SpeechError.from(thrown, "engine_failed", `${this.name} does not list its voices`);
    }
  }

  async *synthesize(request: SynthesisRequest, { signal }: CallOptions): AsyncGenerator<SynthesisChunk> {
    signal.throwIfAborted();
    const voice = longVoiceName(request.voice, this.name);
    const parts = splitEscaped(escapedText(request.text), MAX_PART_BYTES);
    if (parts.length === 0) {
      throw new SpeechError("engine_cannot_say", `${this.name} finds nothing to say in this text`, {
        engine: this.name,
      });
    }
    let startMs = 0;
    for (const part of parts) {
      let bytes = 0;
      for await (const { audio, words } of this.#say(edgeSsml(voice, request, part), signal)) {
        bytes += audio?.byteLength ?? 0;
        yield { ...(audio && { audio }), ...(words && { words: later(words, startMs) }) };
      }
      // The bit rate is constant, so the bytes tell exactly where the next part begins.
      startMs += (bytes * 8 * 1000) / this.outputFormat().bitrateBps!;
    }
  }

  /** Ends what is running. */
  async close(): Promise<void> {
    this.#closed = true;
    const sockets = [...this.#sockets];
    for (const socket of sockets) socket.destroy(this.#stopping());
    await Promise.all(sockets.map(({ closed }) => closed));
  }

  async *#say(ssml: string, signal: AbortSignal): AsyncGenerator<SynthesisChunk> {
    let socket: ServiceSocket | undefined;
    try {
      socket = await this.#connect(signal);
      socket.send(configFrame(this.#clock.now(), this.#outputFormat));
      socket.send(ssmlFrame(this.#clock.now(), newId(), ssml));
      yield* readTurn(socket.messages(), { engine: this.name, contentType: "audio/mpeg" });
      socket.close();
      socket = undefined;
    } catch (thrown) {
      signal.throwIfAborted(); // our caller left: not the engine's fault
      if (thrown instanceof HandshakeRefused && thrown.status === 403) throw this.#refusal(403, undefined, thrown);
      throw serviceFailure(thrown, this.name);
    } finally {
      socket?.destroy(new Error("nobody listens any more"));
    }
  }

  async #connect(signal: AbortSignal): Promise<ServiceSocket> {
    try {
      return await this.#open(signal);
    } catch (thrown) {
      const refused = thrown instanceof HandshakeRefused && thrown.status === 403;
      if (!refused || !this.#access.learn(thrown.headers.date?.toString())) throw thrown;
      return this.#open(signal);
    }
  }

  async #open(signal: AbortSignal): Promise<ServiceSocket> {
    if (this.#closed) throw this.#stopping();
    const url = `${this.#baseUrl.replace(/^http/, "ws")}/edge/v1?${this.#access.socketQuery()}`;
    const socket = new ServiceSocket(url, { headers: this.#access.socketHeaders(), signal });
    this.#sockets.add(socket);
    void socket.closed.then(() => this.#sockets.delete(socket));
    await socket.opened();
    return socket;
  }

  #list(signal: AbortSignal): Promise<Response> {
    const url = `${this.#baseUrl}/voices/list?${this.#access.listQuery()}`;
    return this.#fetch(url, { headers: this.#access.listHeaders(), signal });
  }

  #refusal(status: number, retryAfter: string | null | undefined, cause?: unknown): SpeechError {
    if (status !== 403) return refusal(status, retryAfter, this.name, cause);
    const advice = "the service may have changed: set chromiumVersion to that of a current Edge, or use another engine";
    const message = `${this.name} refuses us (403), and not because of our clock; ${advice}`;
    return new SpeechError("engine_failed", message, { engine: this.name, ...(cause !== undefined && { cause }) });
  }

  #stopping(): SpeechError {
    return new SpeechError("shutting_down", `${this.name} is closed`, { engine: this.name });
  }
}

function later(words: readonly WordTime[], byMs: number): readonly WordTime[] {
  return words.map(({ text, startMs, endMs }) => ({ text, startMs: startMs + byMs, endMs: endMs + byMs }));
}
