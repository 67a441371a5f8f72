import { expect, it } from "vitest";
import type { SpeechEngine } from "../../src/core/ports.ts";
import { ENGINE_SCHEMAS } from "../../src/engines/registry.ts";
import { REMOTE_RIGS } from "../support/remote-rigs.ts";
import { describeSpeechEngine } from "./speech-engine.ts";

/** Those that run the suite and their own faults beside their source: they have no server, or one that is like no other's. */
const OTHERS = ["command", "edge", "espeak", "flite", "neural"];

it("every engine type is in the suite, and in that of faults", () => {
  expect([...REMOTE_RIGS.map(({ name }) => name), ...OTHERS].sort()).toEqual(Object.keys(ENGINE_SCHEMAS).sort());
});

for (const { name, voice, start, engine, unknownVoiceCodes } of REMOTE_RIGS) {
  if (unknownVoiceCodes === undefined) continue;
  const create = async (): Promise<SpeechEngine> => {
    const server = await start();
    const made = await engine(server.url);
    return { ...made, close: () => made.close().then(() => server.close()) };
  };
  describeSpeechEngine(name, create, { voice, deterministic: true, unknownVoiceCodes });
}
