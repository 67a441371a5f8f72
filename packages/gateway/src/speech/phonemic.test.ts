import { afterEach, describe, expect, it } from "vitest";
import { speechRig, utterance } from "../../test/support/speech-rig.ts";
import { type StandInOptions, standInEngine, toneAudio } from "../../test/support/stand-in-engine.ts";
import { concat } from "../core/async.ts";
import { SpeechError } from "../core/errors.ts";
import { DEFAULT_CLEANING } from "../core/text/clean/cleaning.ts";
import { compilePronunciations } from "../wording/pronunciations.ts";
import { createUnsay } from "./unsay.ts";
import { createWarm } from "./warm.ts";

const { signal } = new AbortController();
const rigs: ReturnType<typeof speechRig>[] = [];
afterEach(async () => {
  await Promise.all(rigs.splice(0).map((rig) => rig.close()));
});

const able = (options: StandInOptions = {}) =>
  standInEngine({ name: "able", capabilities: { phonemes: { alphabets: ["ipa", "x-sampa"] } }, ...options });
const unable = (options: StandInOptions = {}) => standInEngine({ name: "unable", ...options });
const refusal = () => new SpeechError("engine_rejected", "able answered 400", { engine: "able" });

function rigWith(engines: readonly ReturnType<typeof standInEngine>[]) {
  const pronounce = compilePronunciations([
    { find: "SQL", say: "see quel" },
    { find: "Sir ", say: "", words: false },
  ]);
  const text = { cleaning: DEFAULT_CLEANING, cleansByDefault: false, pronounce };
  const rig = speechRig({ engines, text });
  rigs.push(rig);
  return rig;
}

async function hear(rig: ReturnType<typeof speechRig>, ssml: string, voice = "one") {
  const what = utterance(`<speak>${ssml}</speak>`, { inputType: "ssml", voice });
  const result = await rig.speak(what, { signal, requestId: "r" });
  if (!result.admitted) throw new Error("refused");
  const { speech } = result;
  const audio = await Array.fromAsync(speech.audio);
  await rig.cache.close(); // what was made is stored
  return {
    audio: concat(audio),
    notices: speech.notices.map(({ line, column, message }) => `${line}:${column} ${message}`),
    engine: speech.engine,
    fromCache: speech.fromCache,
  };
}

const HELLO = '<phoneme ph="həˈləʊ">Hello</phoneme>';

describe("phonemes", () => {
  it("are told an engine that takes them, with their place in each segment, and have a key of their own", async () => {
    const engine = able();
    const rig = rigWith([engine]);
    const ssml = `${HELLO}  there. Say <phoneme alphabet="X-SAMPA" ph="'Ab">A  and b</phoneme>, ${HELLO}!`;
    expect(await hear(rig, ssml)).toMatchObject({ notices: [], fromCache: false });
    expect(engine.requests.map(({ text, phonemes }) => [text, phonemes])).toEqual([
      ["Hello there.", [{ from: 0, to: 5, alphabet: "ipa", phonemes: "həˈləʊ" }]],
      [
        "Say A and b, Hello!",
        [
          { from: 4, to: 11, alphabet: "x-sampa", phonemes: "'Ab" },
          { from: 13, to: 18, alphabet: "ipa", phonemes: "həˈləʊ" },
        ],
      ],
    ]);
    expect(await hear(rig, ssml)).toMatchObject({ notices: [], fromCache: true });
    expect(await hear(rig, "Hello there.")).toMatchObject({ fromCache: false });
    expect(await hear(rig, ssml.replace("həˈləʊ", "həˈlɔː"))).toMatchObject({ fromCache: false });
    expect(engine.requests.slice(2).map(({ phonemes }) => phonemes?.[0]?.phonemes)).toEqual([undefined, "həˈlɔː"]);
  });

  it("stand above pronunciation rules, which move them", async () => {
    const engine = able();
    const phoneme = '<phoneme ph="ɛs kjuː ɛl">SQL</phoneme>';
    await hear(rigWith([engine]), `Sir SQL and ${phoneme}, SQL.`);
    const [{ text, phonemes }] = engine.requests as [(typeof engine.requests)[0]];
    expect(text).toBe("see quel and SQL, see quel.");
    expect(phonemes?.map(({ from, to }) => text.slice(from, to))).toEqual(["SQL"]);
  });

  it("are told of where they are not said: by the alphabet, the voice, the length and where sentences end", async () => {
    const engine = able({
      capabilities: { phonemes: { alphabets: ["ipa"], exceptVoices: /^two$/ } },
      maxChars: 400,
    });
    const rig = rigWith([engine]);
    const long = "a".repeat(200);
    const { notices } = await hear(
      rig,
      `\n${HELLO} <phoneme alphabet="x-y" ph="h">you</phoneme>.
<phoneme ph="${long}">One</phoneme> <phoneme ph="${long}">two</phoneme>.
<phoneme ph="a">Three. Four.</phoneme>
<voice name="two">${HELLO}.</voice><p><phoneme ph="h">♥</phoneme> Oh.</p>`,
    );
    const asWritten = "; the text is spoken as it is written";
    expect(notices).toEqual([
      "5:67 phonemes of text that cannot be spoken alone are not done",
      `4:1 phonemes of more than one sentence are not done${asWritten}`,
      `2:38 able takes phonemes in ipa, not in "x-y"${asWritten}`,
      `3:230 able takes no more phonemes in one sentence${asWritten}`,
      `5:19 this voice of able takes no phonemes${asWritten}`,
    ]);
    expect(engine.requests.map(({ phonemes }) => phonemes?.map(({ phonemes: said }) => said))).toEqual([
      ["həˈləʊ"],
      [long],
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("are lost, and that is told, where an engine that takes none speaks instead: under the key of its plain text", async () => {
    const [first, second] = [able({ failAfterBytes: 0 }), unable()];
    const rig = rigWith([first, second]);
    const notices = ["1:8 unable takes no phonemes; the text is spoken as it is written"];
    expect(await hear(rig, `${HELLO}.`)).toMatchObject({ engine: "unable", notices });
    expect(second.requests[0]?.phonemes).toBeUndefined();
    delete first.script.failAfterBytes;
    expect(await hear(rig, `${HELLO}.`)).toMatchObject({ engine: "able", notices: [], fromCache: false });
    first.script.failAfterBytes = 0;
    expect(await hear(rig, "Hello.")).toMatchObject({ engine: "unable", notices: [] });
    expect(second.calls).toBe(1); // the same sentence as plain text
  });

  it("do not choose who speaks", async () => {
    const [first, second] = [unable(), able()];
    const { engine, notices } = await hear(rigWith([first, second]), `${HELLO}.`);
    expect([engine, notices.length, second.calls]).toEqual(["unable", 1, 0]);
  });

  it("are left out, and that is told, for an engine that refuses them; other failures are the next engine's", async () => {
    const engine = able({ failWith: refusal() });
    const [first, second] = [engine, unable()];
    const { synthesize } = engine;
    engine.synthesize = (request, options) => {
      if (request.phonemes === undefined) delete engine.script.failWith;
      else engine.script.failWith = refusal();
      return synthesize(request, options);
    };
    const rig = rigWith([first, second]);
    const notices = ["1:8 able refused the phonemes; the text is spoken as it is written"];
    const heard = await hear(rig, `${HELLO}.`);
    expect(heard).toMatchObject({ engine: "able", notices });
    expect(heard.audio).toEqual(toneAudio(engine.requests[1]!));
    expect(await hear(rig, `${HELLO}.`)).toMatchObject({ engine: "able", notices });
    expect(engine.requests.map(({ phonemes }) => phonemes === undefined)).toEqual([false, true, false]);
    expect(await hear(rig, "Hello.")).toMatchObject({ fromCache: true, notices: [] });
    expect(second.calls).toBe(0);
  });

  it("are warmed and unsaid as they are spoken", async () => {
    const engine = able();
    const rig = rigWith([unable({ failAfterBytes: 0 }), engine]);
    const deps = { voices: rig.voices, states: rig.states, maxTextChars: 1_000 };
    const warm = createWarm({ ...deps, chain: rig.chain });
    const unsay = createUnsay({ ...deps, cache: rig.cache });
    const what = utterance(`<speak>${HELLO}.</speak>`, { inputType: "ssml", model: "able" });
    expect(await warm(what, { signal })).toMatchObject({ hits: 0, made: 1 });
    await rig.cache.close();
    expect(await warm(what, { signal })).toMatchObject({ hits: 1, made: 0 });
    expect(engine.requests[0]?.phonemes).toHaveLength(1);
    expect(await unsay(what, { signal })).toBe(1);
    expect(await warm(what, { signal })).toMatchObject({ hits: 0, made: 1 });
  });
});
