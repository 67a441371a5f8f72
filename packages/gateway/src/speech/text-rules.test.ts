import { afterEach, describe, expect, it } from "vitest";
import { FORMATS, speechRig, utterance } from "../../test/support/speech-rig.ts";
import { type StandInOptions, standInEngine } from "../../test/support/stand-in-engine.ts";
import { systemClock } from "../core/clock.ts";
import type { SpokenWord } from "../core/ports.ts";
import { DEFAULT_CLEANING } from "../core/text/clean/cleaning.ts";
import type { Utterance } from "../core/utterance.ts";
import { compilePronunciations, type PronunciationRule } from "../wording/pronunciations.ts";
import { IncomingText } from "./incoming-text.ts";
import type { SpeakResult } from "./speak.ts";

const never = new AbortController().signal;
const rigs: ReturnType<typeof speechRig>[] = [];
afterEach(async () => {
  await Promise.all(rigs.splice(0).map((rig) => rig.close()));
});

function rigWith(options: StandInOptions, rules: readonly PronunciationRule[] = [], cleansByDefault = false) {
  const engine = standInEngine(options);
  const text = { cleaning: DEFAULT_CLEANING, cleansByDefault, pronounce: compilePronunciations(rules) };
  const rig = speechRig({ engines: [engine], text });
  rigs.push(rig);
  const heard = async (asked: Promise<SpeakResult>) => {
    const result = await asked;
    if (!result.admitted) throw new Error("refused");
    const words: SpokenWord[] = [];
    const segments: string[] = [];
    for await (const part of result.speech.parts) {
      if (part.type === "words") words.push(...part.words);
      if (part.type === "segment") segments.push(part.segment.text);
    }
    await rig.cache.close();
    return { words, segments, fromCache: result.speech.fromCache };
  };
  const options_ = { signal: never, requestId: "r", words: true };
  return {
    engine,
    said: () => engine.requests.map((request) => request.text),
    speak: (what: Utterance) => heard(rig.speak(what, options_)),
    async converse(pieces: readonly string[], how: Partial<Utterance>) {
      const incoming = new IncomingText({
        clock: systemClock,
        maxChars: 1_000,
        textPauseMs: 60_000,
        sentencePauseMs: 60_000,
      });
      for (const piece of pieces) incoming.append(piece);
      incoming.end();
      return heard(rig.converse(utterance("", how), incoming, options_));
    },
  };
}

const SQL = [
  { find: "SQL", say: "see quel" },
  { find: "Dr.", say: "Doctor", words: false },
];

describe("pronunciations", () => {
  it("are what the engine gets; words are told as they are written, live and stored", async () => {
    const rig = rigWith({ words: true }, SQL);
    const text = "Use SQL well. Dr. No is in.";
    const live = await rig.speak(utterance(text));
    const stored = await rig.speak(utterance(text));
    expect(rig.said()).toEqual(["Use see quel well.", "Doctor No is in."]);
    expect(live.segments).toEqual(["Use SQL well.", "Dr. No is in."]);
    expect(live.words.map((word) => word.text)).toEqual(["Use", "SQL", "well.", "Dr.", "No", "is", "in."]);
    expect(live.words[1]).toMatchObject({ startMs: 80, endMs: 240, from: 4, to: 7 });
    expect(stored).toEqual({ ...live, fromCache: true });
  });

  it("are part of the key", async () => {
    const rig = rigWith({}, SQL);
    await rig.speak(utterance("Use SQL."));
    expect(await rig.speak(utterance("Use see quel."))).toMatchObject({ fromCache: true });
  });

  it("follow the language of whoever speaks, and can leave a segment out", async () => {
    const rules = [
      { find: "Hi", say: "Hello", language: "en" },
      { find: "Hi", say: "Hallo", language: "de" },
      { find: "(laughs)", say: "", words: false },
    ];
    const rig = rigWith({}, rules);
    await rig.speak(utterance("Hi you. (laughs) Hi me."));
    expect(rig.said()).toEqual(["Hello you. Hello me."]);
    await expect(rig.speak(utterance("(laughs)"))).rejects.toMatchObject({ code: "text_empty" });
  });
});

describe("cleaning", () => {
  const CHAT =
    "# Hello\n\nThis is **important** 🎉. See [the docs](https://a.example).\n\n```\ncode();\n```\n- one\n- two";
  const SAID = ["Hello", "This is important.", "See the docs.", "one", "two"];

  it("is done when asked for, or by default", async () => {
    const asked = rigWith({});
    await asked.speak(utterance(CHAT, { clean: true, format: FORMATS.wav }));
    expect(asked.said()).toEqual(SAID);
    const byDefault = rigWith({}, [], true);
    await byDefault.speak(utterance(CHAT));
    expect(byDefault.said()).toEqual(SAID);
    await byDefault.speak(utterance("*Stars*", { clean: false }));
    expect(byDefault.said().at(-1)).toBe("*Stars*");
    await expect(byDefault.speak(utterance("```\nx()\n```"))).rejects.toMatchObject({ code: "text_empty" });
  });

  it("works on text that comes in pieces, pronunciations with it", async () => {
    const rig = rigWith({ words: true }, SQL);
    const pieces = `${CHAT}\n- SQL **rules**`.match(/.{1,3}/gsu)!;
    const { words } = await rig.converse(pieces, { clean: true });
    expect(rig.said()).toEqual([...SAID, "see quel rules"]);
    expect(words.map((word) => word.text).slice(-2)).toEqual(["SQL", "rules"]);
  });
});
