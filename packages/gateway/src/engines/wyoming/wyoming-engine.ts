import type { AudioFormat } from "../../core/audio-format.ts";
import { SpeechError } from "../../core/errors.ts";
import type {
  CallOptions,
  EngineCapabilities,
  SpeechEngine,
  SynthesisChunk,
  SynthesisRequest,
} from "../../core/ports.ts";
import { ONLY_NORMAL } from "../../core/speech-settings.ts";
import { expectFormat } from "../expect-format.ts";
import { type Address, converse } from "./converse.ts";
import type { ReceivedEvent } from "./event-stream.ts";
import { type WyomingVoice, wyomingVoices } from "./wyoming-voices.ts";

export type WyomingOptions = {
  readonly name: string;
  /** For example `tcp://127.0.0.1:10200`. */
  readonly uri: string;
  /** Of its voices' models. Default 22,050, which most of Piper's have. */
  readonly sampleRateHz?: number;
  readonly maxChars?: number;
  /** Raise it when a voice's model changes. */
  readonly version?: string;
};

const ADAPTER_REVISION = 1;
const MAX_CHARS = 2_000;

/** A text-to-speech server of Home Assistant's Wyoming protocol, such as wyoming-piper: one TCP connection per sentence, PCM as it is made. */
export function wyomingEngine({ name, uri, sampleRateHz = 22_050, ...options }: WyomingOptions): SpeechEngine {
  const { hostname, port } = new URL(uri);
  const address: Address = { engine: name, host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
  const format: AudioFormat = { name: "pcm", sampleRateHz };
  const capabilities: EngineCapabilities = {
    maxChars: options.maxChars ?? MAX_CHARS,
    speed: ONLY_NORMAL,
    pitch: ONLY_NORMAL,
    words: false,
    nearlyFree: true,
  };
  /** As last listed: servers speak in some other voice where they do not know one. */
  let known: ReadonlyMap<string, WyomingVoice> | undefined;

  async function list(signal: AbortSignal): Promise<ReadonlyMap<string, WyomingVoice>> {
    for await (const { type, data } of converse(address, "describe", undefined, signal)) {
      if (type !== "info") continue;
      known = new Map(wyomingVoices(data, name).map((voice) => [voice.id, voice]));
      return known;
    }
    throw new SpeechError("engine_failed", `${name} does not list its voices`, { engine: name });
  }

  async function* pcm({ text, voice: id }: SynthesisRequest, { signal }: CallOptions): AsyncGenerator<SynthesisChunk> {
    const voice = (known ?? (await list(signal))).get(id);
    if (voice === undefined)
      throw new SpeechError("voice_not_found", `${name} has no such voice`, { engine: name, param: "voice" });
    let heard = false;
    for await (const event of converse(address, "synthesize", { text, voice: voice.ask }, signal)) {
      if (event.type === "error") throw failure(event, name);
      if (event.type === "audio-start" || event.type === "audio-chunk") expectRate(event, sampleRateHz, name);
      if (event.type === "audio-chunk" && event.payload.byteLength > 0) {
        heard = true;
        yield { audio: event.payload };
      }
      if (event.type !== "audio-stop") continue;
      if (heard) return;
      throw new SpeechError("engine_no_audio", `${name} answered without audio`, { engine: name });
    }
    throw new SpeechError("engine_failed", `${name} broke off before all was said`, { engine: name });
  }

  return {
    name,
    version: `wyoming@${ADAPTER_REVISION}+${options.version ?? "0"}`,
    capabilities,
    voices: async ({ signal }) => [...(await list(signal)).values()].map(({ ask: _, ...voice }) => voice),
    outputFormat: () => format,
    synthesize: (request, call) => expectFormat(pcm(request, call), format, name),
    async close() {},
  };
}

function failure({ data: { code } }: ReceivedEvent, engine: string): SpeechError {
  const because = typeof code === "string" && /^[\w-]{1,64}$/.test(code) ? ` (${code})` : "";
  return new SpeechError("engine_failed", `${engine} failed${because}`, { engine });
}

function expectRate(
  { data: { rate, width = 2, channels = 1 } }: ReceivedEvent,
  expected: number,
  engine: string,
): void {
  if (width !== 2 || channels !== 1)
    throw new SpeechError("engine_failed", `${engine} gives something else than mono in 16 bits`, { engine });
  if (rate === undefined || rate === expected) return;
  const advice = `it is expected at ${expected} Hz; set sampleRateHz: ${Number(rate)}`;
  throw new SpeechError("engine_failed", `${engine} gives audio at ${Number(rate)} Hz and ${advice}`, { engine });
}
