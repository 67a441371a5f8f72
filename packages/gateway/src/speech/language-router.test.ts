import { afterEach, describe, expect, it } from "vitest";
import { speechRig, utterance } from "../../test/support/speech-rig.ts";
import { standInEngine } from "../../test/support/stand-in-engine.ts";
import { voicedEngine } from "../../test/support/voiced-engine.ts";
import { LanguageRouter } from "./language-router.ts";
import { createUnsay } from "./unsay.ts";
import { createWarm } from "./warm.ts";

const signal = new AbortController().signal;
const rigs: ReturnType<typeof speechRig>[] = [];
afterEach(async () => {
  await Promise.all(rigs.splice(0).map((rig) => rig.close()));
});

describe("LanguageRouter", () => {
  it("finds a voice of each piece's language; what nobody can tell is spoken like what came before", async () => {
    const engine = voicedEngine("many", "ann en-US female", "uta de-DE female");
    const rig = speechRig({ engines: [engine] });
    rigs.push(rig);
    await rig.voices.list({ signal }); // as it is known once a request was resolved
    const asked: (readonly string[] | undefined)[] = [];
    const languages = {
      detect: async (text: string, among: readonly string[] | undefined) => {
        asked.push(among);
        return text.startsWith("Guten") ? "de" : text.startsWith("Good") ? "en" : undefined;
      },
      close: async () => {},
    };
    const router = new LanguageRouter(
      { voices: rig.voices, languages },
      utterance("", { voice: "ann", language: "auto" }),
      { signal },
    );
    const voices: (string | undefined)[] = [];
    for (const piece of ["OK.", "Guten Tag.", "OK.", "Good day."]) {
      const { candidates, utterance: routed } = await router.route(piece, "Good day.");
      voices.push(candidates[0]?.voice);
      expect(routed.language).not.toBe("auto");
    }
    expect(voices).toEqual(["ann", "uta", "uta", "ann"]);
    expect(asked[0]).toEqual(["en", "de"]);
  });

  it("is asked by warming and unsaying as by speaking", async () => {
    const engine = voicedEngine("many", "ann en-US female", "uta de-DE female");
    const rig = speechRig({ engines: [engine] });
    rigs.push(rig);
    const languages = {
      detect: async (text: string) => (text.startsWith("Guten") ? "de" : "en"),
      close: async () => {},
    };
    const deps = { voices: rig.voices, languages, maxTextChars: 1_000 };
    const what = utterance("Guten Tag. Good day.", { voice: "ann", language: "auto" });
    expect(await createWarm({ ...deps, chain: rig.chain, states: rig.states })(what, { signal })).toMatchObject({
      made: 2,
    });
    await rig.cache.close();
    const unsay = createUnsay({ ...deps, cache: rig.cache });
    const german = utterance("Guten Tag.", { voice: "uta", language: "de" });
    expect(await unsay(german, { signal })).toBe(1);
    expect(await unsay(what, { signal })).toBe(1);
  });

  it.each([
    ["one", { language: "de", text: "Hallo." }],
    ["ann", { turns: [{ text: "Hi." }, { text: "Hallo.", language: "de" }] }],
    ["ann", { language: "English", text: "Hi." }],
  ])("a language that nobody speaks is refused: %s %j", async (voice, said) => {
    const rig = speechRig({ engines: [voicedEngine("many", "ann en-US", "one en-GB")] });
    rigs.push(rig);
    const options = { signal, requestId: "r" };
    await expect(rig.speak(utterance("", { voice, ...said }), options)).rejects.toMatchObject({
      code: "setting_unsupported",
      details: { param: "language" },
    });
  });

  it("in SSML it is told, and not asked of the engine; engines that are told or hear it answer for themselves", async () => {
    const engine = standInEngine();
    const rig = speechRig({ engines: [engine] });
    rigs.push(rig);
    const options = { signal, requestId: "r" };
    const ssml = '<speak>Hi <lang xml:lang="de">Hallo</lang> <lang xml:lang="de">du</lang>.</speak>';
    const result = await rig.speak(utterance(ssml, { inputType: "ssml" }), options);
    if (!result.admitted) throw new Error("refused");
    for await (const _ of result.speech.audio);
    expect(result.speech.notices).toEqual([{ message: 'no voice here speaks "de"; it is spoken as the rest' }]);
    expect(engine.requests.map(({ text, language }) => [text, language])).toEqual([
      ["Hi", undefined],
      ["Hallo du.", undefined],
    ]);
    for (const language of ["told", "text"] as const) {
      const other = speechRig({ engines: [standInEngine({ capabilities: { language } })] });
      rigs.push(other);
      expect(await other.speak(utterance("Hallo.", { language: "de" }), options)).toMatchObject({ admitted: true });
    }
  });
});
