import { afterEach, describe, expect, it } from "vitest";
import { type RigOptions, speechRig, utterance } from "../../test/support/speech-rig.ts";
import { standInEngine } from "../../test/support/stand-in-engine.ts";
import { collect } from "../core/async.ts";
import type { Utterance } from "../core/utterance.ts";

const never = new AbortController().signal;
const rigs: ReturnType<typeof speechRig>[] = [];
afterEach(async () => {
  await Promise.all(rigs.splice(0).map((rig) => rig.close()));
});

function rigWith(options: RigOptions) {
  const rig = speechRig(options);
  rigs.push(rig);
  return async (said: Utterance) => {
    const result = await rig.speak(said, { signal: never, requestId: "r" });
    if (!result.admitted) throw new Error("refused");
    await collect(result.speech.audio);
    await rig.cache.close();
    return result.speech;
  };
}

describe("settings that only an engine can heed", () => {
  it.each([{ instructions: "Whisper." }, { style: "calm" }, { seed: 7 }])(
    "are refused if none can: %o",
    async (told) => {
      const [param] = Object.keys(told);
      const engine = standInEngine();
      const speak = rigWith({ engines: [engine] });
      await expect(speak(utterance("Hello.", told))).rejects.toMatchObject({
        code: "setting_unsupported",
        details: { param },
      });
      expect(engine.calls).toBe(0);
    },
  );

  it("choose the engine that can, and reach it", async () => {
    const plain = standInEngine({ name: "plain" });
    const told = standInEngine({ name: "told", capabilities: { instructions: true, style: true, seed: true } });
    const speak = rigWith({ engines: [plain, told] });
    const settings = { instructions: "Whisper.", style: "calm", seed: 7 };
    const speech = await speak(utterance("Hello.", settings));
    expect(speech).toMatchObject({ engine: "told" });
    expect(speech.ignored).toBeUndefined();
    expect(told.requests).toMatchObject([settings]);
    expect(plain.calls).toBe(0);
  });

  it("make other audio each", async () => {
    const engine = standInEngine({ capabilities: { instructions: true, style: true, seed: true } });
    const speak = rigWith({ engines: [engine] });
    for (const told of [{}, { instructions: "calm" }, { style: "calm" }, { seed: 1 }, { seed: 2 }])
      await speak(utterance("Hello.", told));
    expect(engine.calls).toBe(5);
    expect(await speak(utterance("Hello.", { seed: 2 }))).toMatchObject({ fromCache: true });
  });

  it("are said to be ignored by a fallback, whose audio is stored as what it is", async () => {
    const plain = standInEngine({ name: "plain" });
    const broken = standInEngine({ name: "broken", failAfterBytes: 0, capabilities: { instructions: true } });
    const speak = rigWith({ engines: [broken, plain] });
    const speech = await speak(utterance("Hello.", { instructions: "Whisper." }));
    expect(speech).toMatchObject({ engine: "plain", ignored: ["instructions"] });
    expect(plain.requests[0]).not.toHaveProperty("instructions");
    expect(await speak(utterance("Hello.", { model: "plain" }))).toMatchObject({ fromCache: true });
  });
});
