import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/support/manual-clock.ts";
import { voicedEngine } from "../../test/support/voiced-engine.ts";
import { SpeechError } from "../core/errors.ts";
import { OPENAI_VOICES } from "./known-voices.ts";
import type { VoiceAliases } from "./voice-aliases.ts";
import { VoiceCatalogue, type VoiceQuery } from "./voice-catalogue.ts";

const { signal } = new AbortController();

const flite = () =>
  voicedEngine("flite", "slt en-US female", "rms en-US male", "awb en-GB male", "kal en-US male", "kal16 en-US male");
const espeak = () =>
  voicedEngine("espeak", "de de", "en-us en-US", "en-gb en-GB", "fr-fr fr-FR", "pt-br pt-BR", "pt pt");
const edge = () =>
  voicedEngine(
    "edge",
    ...["de-AT-JonasNeural de-AT male", "de-DE-KatjaNeural de-DE female", "de-DE-ConradNeural de-DE male"],
    ...["en-AU-NatashaNeural en-AU female", "en-GB-RyanNeural en-GB male", "en-US-AriaNeural en-US female"],
    ...["en-US-GuyNeural en-US male", "pt-BR-FranciscaNeural pt-BR female", "pt-PT-DuarteNeural pt-PT male"],
  );

function catalogue(engines: ReturnType<typeof voicedEngine>[], aliases: VoiceAliases = {}) {
  return new VoiceCatalogue({ engines, aliases, clock: manualClock() });
}
/** Candidates as `engine/voice`. */
async function who(voices: VoiceCatalogue, query: string | VoiceQuery): Promise<string[]> {
  const found = await voices.resolve(typeof query === "string" ? { voice: query } : query, { signal });
  return found.map(({ engine, voice }) => `${engine.name}/${voice}`);
}

describe("VoiceCatalogue.resolve() by name", () => {
  const voices = catalogue([flite(), edge(), espeak()]);
  it.each([
    ["slt", ["flite/slt", "edge/en-US-AriaNeural", "espeak/en-us"]],
    ["awb", ["flite/awb", "edge/en-GB-RyanNeural", "espeak/en-gb"]],
    ["en-GB-RyanNeural", ["edge/en-GB-RyanNeural", "flite/awb", "espeak/en-gb"]],
    ["de-DE-ConradNeural", ["edge/de-DE-ConradNeural", "espeak/de"]], // nobody else speaks German
    ["edge/de-DE-ConradNeural", ["edge/de-DE-ConradNeural"]],
    ["EDGE/DE-DE-conradneural", ["edge/de-DE-ConradNeural"]],
    [" SLT ", ["flite/slt", "edge/en-US-AriaNeural", "espeak/en-us"]],
    ["kal", ["flite/kal", "edge/en-US-GuyNeural", "espeak/en-us"]], // not Greenlandic
    ["flite/alloy", ["flite/slt"]],
    ["edge/de", ["edge/de-DE-KatjaNeural"]],
  ])("%s", async (name, candidates) => {
    expect(await who(voices, name)).toEqual(candidates);
  });

  it("goes by the order of the engines where two have the name, and by the exact spelling before any other", async () => {
    const one = voicedEngine("one", "Ryan en-US male", "sam en-US");
    const two = voicedEngine("two", "ryan en-US male", "sam en-US");
    expect(await who(catalogue([one, two]), "sam")).toEqual(["one/sam", "two/sam"]);
    expect(await who(catalogue([two, one]), "sam")).toEqual(["two/sam", "one/sam"]);
    expect(await who(catalogue([one, two]), "ryan")).toEqual(["two/ryan", "one/Ryan"]);
    expect(await who(catalogue([one, two]), { voice: "ryan", model: "one" })).toEqual(["one/Ryan"]);
  });

  it("takes what a person reads for a name, unless two voices are called so", async () => {
    const lines = [
      { id: "x1", name: "Rachel", language: "en-US" },
      { id: "x2", name: "Adam", language: "en-US" },
      { id: "x3", name: "adam", language: "en-US" },
    ];
    const voices = catalogue([voicedEngine("eleven", ...lines)]);
    expect(await who(voices, "rachel")).toEqual(["eleven/x1"]);
    await expect(who(voices, "adam")).rejects.toMatchObject({ code: "voice_not_found" });
  });

  it("asks an engine without a list last, and others for a voice that the name's form tells", async () => {
    const bare = voicedEngine("kokoro");
    expect(await who(catalogue([bare, flite()]), "slt")).toEqual(["flite/slt", "kokoro/slt"]);
    expect(await who(catalogue([bare, flite()]), "bm_george")).toEqual(["kokoro/bm_george", "flite/awb"]);
    expect(await who(catalogue([bare, flite()]), "Alloy")).toEqual(["kokoro/alloy", "flite/slt"]);
  });
});

describe("VoiceCatalogue.resolve() of OpenAI's names", () => {
  it("finds somebody for all thirteen on every engine, different ones where there are several", async () => {
    const voices = catalogue([edge(), espeak(), flite()]);
    expect(OPENAI_VOICES.size).toBe(13);
    const first = new Set<string>();
    for (const [name, { gender }] of OPENAI_VOICES) {
      const found = await who(voices, name);
      expect(found).toHaveLength(3);
      const list = await voices.list({ signal });
      const spoken = list.find(({ id, engine }) => found[0] === `${engine}/${id}`)!;
      expect([spoken.gender, spoken.language.slice(0, 2)]).toEqual([gender, "en"]);
      first.add(found[0]!);
    }
    expect(first.size).toBeGreaterThan(2);
  });

  it("takes the engine's own voice of that name, and follows the caller's language", async () => {
    const openai = voicedEngine("openai", "alloy", "onyx");
    const voices = catalogue([openai, edge(), flite()]);
    expect((await who(voices, "alloy"))[0]).toBe("openai/alloy");
    expect(await who(voices, { voice: "onyx", language: "de" })).toEqual(["openai/onyx", "edge/de-DE-ConradNeural"]);
    expect(await who(voices, { voice: "onyx", language: "de-AT" })).toEqual(["openai/onyx", "edge/de-AT-JonasNeural"]);
  });

  it("does not leave out an engine for a language that nobody has named", async () => {
    const german = voicedEngine("german", "thorsten de-DE male", "eva de-DE female");
    expect(await who(catalogue([german, flite()]), "onyx")).toEqual(["german/thorsten", "flite/rms"]);
  });

  it("can be overridden", async () => {
    const voices = catalogue([flite(), edge()], { alloy: { edge: "en-GB-RyanNeural" } });
    expect(await who(voices, "alloy")).toEqual(["edge/en-GB-RyanNeural", "flite/awb"]);
    expect(await who(voices, "ALLOY")).toEqual(["edge/en-GB-RyanNeural", "flite/awb"]);
  });
});

describe("VoiceCatalogue.resolve() by language", () => {
  const voices = catalogue([flite(), edge(), espeak()]);
  it.each([
    ["de", ["edge/de-DE-KatjaNeural", "espeak/de"]],
    ["de-AT", ["edge/de-AT-JonasNeural", "espeak/de"]],
    ["pt-PT", ["edge/pt-PT-DuarteNeural", "espeak/pt"]],
    ["pt_br", ["edge/pt-BR-FranciscaNeural", "espeak/pt-br"]],
    ["en-GB", ["flite/awb", "edge/en-GB-RyanNeural", "espeak/en-gb"]],
    ["EN-au", ["edge/en-AU-NatashaNeural", "flite/slt", "espeak/en-us"]], // the region goes before the order
    ["fr", ["espeak/fr-fr"]],
  ])("%s", async (tag, candidates) => {
    expect(await who(voices, tag)).toEqual(candidates);
  });

  it("does not know a language that nobody speaks", async () => {
    await expect(who(voices, "sw")).rejects.toMatchObject({ code: "voice_not_found" });
  });

  it("tells a voice of many languages which one is meant", async () => {
    const all = catalogue([voicedEngine("openai", "alloy"), espeak()]);
    const [first, second] = await all.resolve({ voice: "de" }, { signal });
    expect(first).toMatchObject({ voice: "alloy", language: "de" });
    expect(second).toMatchObject({ voice: "de" });
    expect(second).not.toHaveProperty("language");
    await expect(who(all, "bob")).rejects.toMatchObject({ code: "voice_not_found" }); // a tag by its form only
  });

  it("replaces a voice that does not speak the caller's language, unless its engine was named too", async () => {
    expect(await who(voices, { voice: "slt", language: "de" })).toEqual(["edge/de-DE-KatjaNeural", "espeak/de"]);
    const own = await who(voices, { voice: "en-GB-RyanNeural", language: "de-DE" });
    expect(own).toEqual(["edge/de-DE-ConradNeural", "espeak/de"]);
    expect(await who(voices, { voice: "flite/slt", language: "de" })).toEqual(["flite/slt"]);
    expect(await who(voices, { voice: "slt", language: "en-GB" })).toContain("flite/slt");
  });

  it("offers who does not speak it where nobody does", async () => {
    expect(await who(voices, { voice: "slt", language: "sw" })).toEqual([
      "flite/slt",
      "edge/en-US-AriaNeural",
      "espeak/en-us",
    ]);
  });
});

describe("VoiceCatalogue.resolve() of aliases", () => {
  it("takes the named voices first, then those like the first of them", async () => {
    const voices = catalogue([flite(), edge(), espeak()], { boss: { edge: "en-GB-RyanNeural" } });
    expect(await who(voices, "boss")).toEqual(["edge/en-GB-RyanNeural", "flite/awb", "espeak/en-gb"]);
  });

  it("takes what is described where none is named, in the order of the engines", async () => {
    const aliases: VoiceAliases = {
      narrator: { gender: "male", language: "en-GB", engines: { edge: "en-GB-RyanNeural" } },
      lady: { gender: "female", language: "en-US" },
    };
    const voices = catalogue([flite(), edge(), espeak()], aliases);
    expect(await who(voices, "narrator")).toEqual(["flite/awb", "edge/en-GB-RyanNeural", "espeak/en-gb"]);
    expect(await who(voices, "lady")).toEqual(["flite/slt", "edge/en-US-AriaNeural", "espeak/en-us"]);
    expect(await who(voices, { voice: "lady", language: "de" })).toEqual(["edge/de-DE-KatjaNeural", "espeak/de"]);
  });

  it("weighs language, gender, style, age and accent in this order", async () => {
    const base = { language: "en-US", gender: "male" } as const;
    const engine = voicedEngine(
      "a",
      { id: "plain", ...base },
      { id: "accented", ...base, accent: "texan" },
      { id: "aged", ...base, age: "old" },
      { id: "styled", ...base, styles: ["Calm"] },
      { id: "her", language: "en-US", gender: "female", styles: ["calm"], age: "old", accent: "texan" },
      { id: "german", language: "de-DE", gender: "male", styles: ["calm"], age: "old", accent: "texan" },
    );
    const gone: string[] = [];
    for (const expected of ["styled", "aged", "accented", "plain", "her", "german"]) {
      const list = await engine.state.list(signal);
      const left = voicedEngine("a", ...list.filter(({ id }) => !gone.includes(id)));
      const traits = { ...base, age: "old", accent: "Texan", style: "calm" } as const;
      expect(await who(catalogue([left], { one: traits }), "one")).toEqual([`a/${expected}`]);
      gone.push(expected);
    }
  });

  it("are found by names that objects have anyway only if somebody configured them", async () => {
    const own = JSON.parse('{ "__proto__": { "flite": "rms" }, "constructor": { "flite": "awb" } }') as VoiceAliases;
    const voices = catalogue([flite()], own);
    expect(await who(voices, "__proto__")).toEqual(["flite/rms"]);
    expect(await who(voices, "constructor")).toEqual(["flite/awb"]);
    await expect(who(catalogue([flite()]), "__proto__")).rejects.toMatchObject({ code: "voice_not_found" });
  });
});

describe("VoiceCatalogue.resolve() of what is not there", () => {
  const voices = catalogue([flite(), edge()], { narrator: { flite: "awb" } });
  it.each([
    ["narator", '"narrator"'],
    ["slr", '"slt"'],
    ["shimer", '"shimmer"'],
    ["en-US-Aria", '"en-US-AriaNeural"'],
  ])("suggests for %s", async (name, hint) => {
    const error = await who(voices, name).catch((thrown: unknown) => thrown as SpeechError);
    expect(error).toMatchObject({ code: "voice_not_found", details: { param: "voice" } });
    expect((error as SpeechError).message).toContain("did you mean");
    expect((error as SpeechError).message).toContain(hint);
  });

  it.each([
    ["10 KB", "x".repeat(10_000)],
    ["10 KB of one engine", `flite/${"x".repeat(10_000)}`],
    ["slashes", "/".repeat(300)],
    ["unicode", "𝔳𝔬𝔦𝔠𝔢\u202e\ud800"],
    ["nothing", ""],
    ["a control character", "a\r\nset-cookie: x"],
  ])("refuses %s shortly", async (_, name) => {
    const error = await who(voices, name).catch((thrown: unknown) => thrown as SpeechError);
    expect(error).toMatchObject({ code: "voice_not_found" });
    expect((error as SpeechError).message.length).toBeLessThan(500);
    expect((error as SpeechError).message).not.toMatch(/\p{Cc}/u);
  });

  it("names the models that there are", async () => {
    await expect(who(voices, { voice: "slt", model: "nope" })).rejects.toMatchObject({ code: "model_not_found" });
    expect(await who(voices, { voice: "slt", model: "Edge, flite" })).toEqual(["flite/slt", "edge/en-US-AriaNeural"]);
  });
});

describe("VoiceCatalogue", () => {
  it("gives the same array for the same question", async () => {
    const voices = catalogue([flite(), edge()]);
    const first = await voices.resolve({ voice: "alloy", model: "auto" }, { signal });
    expect(await voices.resolve({ voice: "alloy", model: "auto" }, { signal })).toBe(first);
  });

  it("names every voice so that exactly it speaks", async () => {
    const openai = voicedEngine("openai", "alloy", "slt", "odd/id");
    const engines = [flite(), edge(), espeak(), openai];
    const voices = catalogue(engines, { rms: { flite: "awb" } });
    const list = await voices.list({ signal });
    expect(list).toHaveLength(5 + 9 + 6 + 3);
    for (const voice of list) {
      const [first] = await who(voices, voices.nameOf(voice));
      expect(first).toBe(`${voice.engine}/${voice.id}`);
    }
    const names = Object.fromEntries(list.map((voice) => [`${voice.engine} ${voice.id}`, voices.nameOf(voice)]));
    expect(names).toMatchObject({
      "flite slt": "slt",
      "openai slt": "openai/slt",
      "flite rms": "flite/rms",
      "espeak fr-fr": "fr-fr",
      "espeak de": "espeak/de",
      "openai odd/id": "odd/id",
    });
  });

  it("narrows its list", async () => {
    const voices = catalogue([flite(), edge(), espeak(), voicedEngine("openai", "alloy")]);
    const ids = async (filter: object) => (await voices.list({ signal, ...filter })).map(({ id }) => id);
    expect(await ids({ language: "de" })).toEqual([
      ...["de-AT-JonasNeural", "de-DE-KatjaNeural", "de-DE-ConradNeural", "de", "alloy"],
    ]);
    expect(await ids({ language: "de-DE", gender: "male" })).toEqual(["de-DE-ConradNeural"]);
    expect(await ids({ engine: "flite", gender: "female" })).toEqual(["slt"]);
    expect(await ids({ language: "!" })).toEqual([]);
  });
});

describe("VoiceCatalogue.resolve() of anything", () => {
  const names = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc.constantFrom(
      "slt",
      "SLT",
      "alloy",
      "de",
      "en-GB",
      "edge/de",
      "flite/",
      "/",
      "__proto__",
      "toString",
      "narrator",
    ),
    fc.tuple(fc.constantFrom("flite", "edge", "bare", "x"), fc.string()).map((pair) => pair.join("/")),
  );
  const query = fc.record(
    {
      voice: names,
      model: fc.constantFrom("auto", "tts-1", "flite", "edge,flite", "nope", "bare"),
      language: fc.constantFrom("de", "en-GB", "sw", "zz", "not a tag", "und", "mul"),
    },
    { requiredKeys: ["voice"] },
  );

  it("throws nothing but its two codes, offers each engine once, and only voices that are listed", async () => {
    const engines = [flite(), edge(), voicedEngine("bare")];
    const voices = catalogue(engines, { narrator: { gender: "male", age: "old" } });
    const again = catalogue(engines, { narrator: { gender: "male", age: "old" } });
    const list = await voices.list({ signal });
    const known = new Set(list.map(({ engine, id }) => `${engine}/${id}`));
    await fc.assert(
      fc.asyncProperty(query, async (asked) => {
        const found = await who(voices, asked).catch((thrown: unknown) => {
          expect(thrown).toBeInstanceOf(SpeechError);
          expect(["voice_not_found", "model_not_found"]).toContain((thrown as SpeechError).code);
          return undefined;
        });
        if (found === undefined) return;
        expect(found.length).toBeGreaterThan(0);
        expect(new Set(found.map((one) => one.split("/")[0])).size).toBe(found.length);
        for (const one of found) expect(known.has(one) || one.startsWith("bare/")).toBe(true);
        expect(await who(again, asked)).toEqual(found);
      }),
      { numRuns: 400 },
    );
  });
});
