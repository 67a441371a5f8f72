import { systemClock } from "../../src/core/clock.ts";
import type { SpeechEngine } from "../../src/core/ports.ts";
import { createAiSdkEngine } from "../../src/engines/ai-sdk/ai-sdk-engine.ts";
import { azureEngine } from "../../src/engines/azure/azure-engine.ts";
import { cartesiaEngine } from "../../src/engines/cartesia/cartesia-engine.ts";
import { deepgramEngine } from "../../src/engines/deepgram/deepgram-engine.ts";
import { elevenLabsEngine } from "../../src/engines/elevenlabs/elevenlabs-engine.ts";
import { googleEngine } from "../../src/engines/google/google-engine.ts";
import { openAiEngine } from "../../src/engines/openai.ts";
import { openAiCompatibleEngine } from "../../src/engines/openai-compatible.ts";
import { piperEngine } from "../../src/engines/piper.ts";
import { createPollyEngine } from "../../src/engines/polly/polly-engine.ts";
import { wyomingEngine } from "../../src/engines/wyoming/wyoming-engine.ts";
import { openAiStandIn } from "./openai-stand-in.ts";
import { azureStandIn } from "./stand-ins/azure.ts";
import { cartesiaStandIn } from "./stand-ins/cartesia.ts";
import { deepgramStandIn } from "./stand-ins/deepgram.ts";
import { elevenLabsStandIn } from "./stand-ins/elevenlabs.ts";
import type { StandIn } from "./stand-ins/fault.ts";
import { googleStandIn } from "./stand-ins/google.ts";
import { piperStandIn } from "./stand-ins/piper.ts";
import { pollyStandIn } from "./stand-ins/polly.ts";
import { wyomingStandIn } from "./stand-ins/wyoming.ts";

/** The key of every adapter that has one: it must never be in an error. */
export const SECRET = "s3cret-k3y";

/** An adapter over the network, and a stand-in for the service it talks to. */
export type RemoteRig = {
  readonly name: string;
  readonly voice: string;
  /** Whether what it sends says itself what it is. */
  readonly marked: boolean;
  /** Whether a refusal can say when to ask again. */
  readonly saysWhen: boolean;
  readonly start: () => Promise<StandIn>;
  readonly engine: (url: string) => SpeechEngine | Promise<SpeechEngine>;
  /** Has statuses, and connections that are used again. Default true. */
  readonly http?: false;
  /** Audio comes while it is made. Default true. */
  readonly streams?: false;
  /** Requests of one synthesis. Default 1. */
  readonly requests?: number;
  /** Codes with which an unknown voice is refused. Absent: the adapter's own test runs the conformance suite. */
  readonly unknownVoiceCodes?: readonly string[];
};

export const REMOTE_RIGS: readonly RemoteRig[] = [
  {
    name: "openai-compatible",
    voice: "alloy",
    marked: true,
    saysWhen: true,
    start: openAiStandIn,
    engine: (baseUrl) => openAiCompatibleEngine({ name: "e", baseUrl }),
  },
  {
    name: "openai",
    voice: "alloy",
    marked: false,
    saysWhen: true,
    start: openAiStandIn,
    engine: (baseUrl) => openAiEngine({ name: "e", apiKey: SECRET, model: "gpt-4o-mini-tts", baseUrl }),
  },
  {
    name: "elevenlabs",
    voice: "21m00Tcm4TlvDq8ikWAM",
    marked: false,
    saysWhen: true,
    start: elevenLabsStandIn,
    engine: (baseUrl) => elevenLabsEngine({ name: "e", apiKey: SECRET, baseUrl }),
  },
  {
    name: "piper",
    voice: "en_US-lessac-medium",
    marked: true,
    saysWhen: false,
    start: piperStandIn,
    engine: (baseUrl) => piperEngine({ name: "e", baseUrl }),
  },
  {
    name: "azure",
    voice: "en-US-AvaMultilingualNeural",
    marked: false,
    saysWhen: true,
    start: azureStandIn,
    engine: (baseUrl) => azureEngine({ name: "e", apiKey: SECRET, baseUrl, clock: systemClock }),
    unknownVoiceCodes: ["voice_not_found", "engine_rejected"],
  },
  {
    name: "google",
    voice: "en-US-Neural2-C",
    marked: true,
    saysWhen: true,
    start: googleStandIn,
    engine: (baseUrl) => googleEngine({ name: "e", apiKey: SECRET, baseUrl, clock: systemClock, words: true }),
    unknownVoiceCodes: ["engine_rejected"],
  },
  {
    name: "polly",
    voice: "Joanna",
    marked: false,
    saysWhen: true,
    requests: 2,
    start: () => pollyStandIn({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET }),
    engine: (baseUrl) =>
      createPollyEngine({
        ...{ name: "e", baseUrl, region: "eu-west-1", clock: systemClock, outputFormat: "pcm", words: true },
        credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET },
      }),
    unknownVoiceCodes: ["engine_rejected"],
  },
  {
    name: "deepgram",
    voice: "aura-2-thalia-en",
    marked: false,
    saysWhen: true,
    start: deepgramStandIn,
    engine: (baseUrl) => deepgramEngine({ name: "e", apiKey: SECRET, baseUrl }),
    unknownVoiceCodes: ["engine_rejected"],
  },
  {
    name: "cartesia",
    voice: "6ccbfb76-1fc6-48f7-b71d-91ac6298247b",
    marked: false,
    saysWhen: true,
    start: cartesiaStandIn,
    engine: (baseUrl) => cartesiaEngine({ name: "e", apiKey: SECRET, baseUrl }),
    unknownVoiceCodes: ["engine_rejected"],
  },
  {
    name: "wyoming",
    voice: "en_US-lessac-medium",
    marked: false,
    saysWhen: false,
    http: false,
    start: wyomingStandIn,
    engine: (uri) => wyomingEngine({ name: "e", uri }),
    unknownVoiceCodes: ["voice_not_found"],
  },
  {
    name: "ai-sdk",
    voice: "alloy",
    marked: false,
    saysWhen: true,
    streams: false,
    start: openAiStandIn,
    engine: (baseURL) =>
      createAiSdkEngine({
        ...{ name: "e", module: "@ai-sdk/openai", export: "createOpenAI", model: "gpt-4o-mini-tts" },
        ...{ settings: { apiKey: SECRET, baseURL }, voices: [{ id: "alloy" }, { id: "ash" }] },
        ...{ format: "pcm", sampleRateHz: 24_000, speed: { min: 0.25, max: 4 } },
      }),
    unknownVoiceCodes: ["voice_not_found"],
  },
];
