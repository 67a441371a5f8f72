import { systemClock } from "../../src/core/clock.ts";
import type { SpeechEngine } from "../../src/core/ports.ts";
import { azureEngine } from "../../src/engines/azure/azure-engine.ts";
import { elevenLabsEngine } from "../../src/engines/elevenlabs/elevenlabs-engine.ts";
import { openAiEngine } from "../../src/engines/openai.ts";
import { openAiCompatibleEngine } from "../../src/engines/openai-compatible.ts";
import { piperEngine } from "../../src/engines/piper.ts";
import { openAiStandIn } from "./openai-stand-in.ts";
import { azureStandIn } from "./stand-ins/azure.ts";
import { elevenLabsStandIn } from "./stand-ins/elevenlabs.ts";
import type { StandIn } from "./stand-ins/fault.ts";
import { piperStandIn } from "./stand-ins/piper.ts";

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
  readonly engine: (url: string) => SpeechEngine;
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
];
