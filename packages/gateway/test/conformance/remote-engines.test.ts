import type { SpeechEngine } from "../../src/core/ports.ts";
import { REMOTE_RIGS } from "../support/remote-rigs.ts";
import { describeSpeechEngine } from "./speech-engine.ts";

for (const { name, voice, start, engine, unknownVoiceCodes } of REMOTE_RIGS) {
  if (unknownVoiceCodes === undefined) continue;
  const create = async (): Promise<SpeechEngine> => {
    const server = await start();
    const made = await engine(server.url);
    return { ...made, close: () => made.close().then(() => server.close()) };
  };
  describeSpeechEngine(name, create, { voice, deterministic: true, unknownVoiceCodes });
}
