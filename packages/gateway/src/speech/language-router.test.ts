import { afterEach, describe, expect, it } from "vitest";
import { speechRig, utterance } from "../../test/support/speech-rig.ts";
import { voicedEngine } from "../../test/support/voiced-engine.ts";
import { LanguageRouter } from "./language-router.ts";

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
});
