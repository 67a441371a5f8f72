import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SpeechError } from "../errors.ts";
import type { Script, SpanSettings } from "../script.ts";
import { readSsml } from "./read-ssml.ts";

const BASE: SpanSettings = { voice: { names: ["alloy"] }, speed: 1, pitch: 1, volume: 1 };
const BOUNDS = { maxChars: 20_000 };
const read = (body: string, base = BASE): Script => readSsml(`<speak>${body}</speak>`, base, BOUNDS);
const texts = ({ spans }: Script): string[] => spans.map(({ text }) => text);

function failure(document: string): string {
  try {
    readSsml(document, BASE, BOUNDS);
  } catch (error) {
    expect(error).toBeInstanceOf(SpeechError);
    expect(error).toMatchObject({ code: "ssml_invalid", status: 400, details: { param: "input" } });
    return (error as SpeechError).message;
  }
  throw new Error(`read without complaint: ${document.slice(0, 80)}`);
}

describe("readSsml() refuses", () => {
  it.each([
    ["", "line 1, column 1: there is no <speak> in this document"],
    ["hello", "line 1, column 1: a document begins with <speak>"],
    ["<p>hello</p>", "line 1, column 1: a document begins with <speak>, not with <p>"],
    ["<speak>\n  <p>a</s></speak>", "line 2, column 7: </s> where </p> belongs"],
    ["<speak>a", "line 1, column 9: the document ends inside <speak>"],
    ["<speak>é𝄞 & b</speak>", 'line 1, column 11: "&" begins no reference; write "&amp;"'],
    ["<speak>a</speak><speak/>", "line 1, column 17: a second element behind </speak>"],
    ["<speak>a</speak> b", "line 1, column 18: text behind </speak>"],
    ["<speak>\r\n\r\na]]>b</speak>", 'line 3, column 2: "]]>" stands in text; write "]]&gt;"'],
    ["<speak><break time=1s/></speak>", 'line 1, column 20: the value of "time" belongs in quotes'],
    ['<speak><break time="1s" time="2s"/></speak>', 'line 1, column 25: the attribute "time" stands twice in <break>'],
    ['<speak><break time="1s"strength="weak"/></speak>', "line 1, column 24: a space belongs before each attribute"],
    ["<speak><break time='<'/></speak>", 'line 1, column 21: "<" stands in a value; write "&lt;"'],
    ["<speak><!-- a -- b --></speak>", 'line 1, column 15: a comment may not hold "--"'],
    ["<speak>\u0001</speak>", "line 1, column 8: a character that XML does not allow"],
    ["<speak>&#0;</speak>", "line 1, column 8: this number names no character that XML allows"],
    ["<speak>&#xD800;</speak>", "line 1, column 8: this number names no character that XML allows"],
    ["<speak>&#1114112;</speak>", "line 1, column 8: this number names no character that XML allows"],
    ["<speak>\ud800</speak>", "line 1, column 8: a character that XML does not allow"],
    [" <?xml version='1.0'?><speak/>", "line 1, column 2: an XML declaration must be the first thing in the document"],
    ["<speak><![CDATA[a</speak>", "line 1, column 8: this CDATA section is not closed"],
    ["<speak", "line 1, column 7: the document ends inside <speak>"],
    ["<speak><0/></speak>", "line 1, column 9: the name of an element belongs here"],
  ])("what is not well-formed: %j", (document, message) => {
    expect(failure(document)).toBe(message);
  });

  it.each([
    ["<speak><shout>a</shout></speak>", "line 1, column 8: <shout> is not an element of SSML 1.1"],
    ["<speak><__proto__/></speak>", "line 1, column 8: <__proto__> is not an element of SSML 1.1"],
    [
      "<speak><mstts:express-as style='x'/></speak>",
      "line 1, column 8: <mstts:express-as> is not an element of SSML 1.1",
    ],
    ["<speak><break strenght='weak'/></speak>", 'line 1, column 15: <break> has no attribute "strenght"'],
    ["<speak><break time='soon'/></speak>", 'line 1, column 15: time="soon" is no time such as "500ms" or "1.5s"'],
    [
      "<speak><break strength='huge'/></speak>",
      'line 1, column 15: a break is none, x-weak, weak, medium, strong, x-strong, not "huge"',
    ],
    ["<speak><break time='21s'/></speak>", "line 1, column 8: a break is 20 seconds at most"],
    ["<speak><break>a</break></speak>", "line 1, column 15: <break> holds no text"],
    ["<speak><mark/></speak>", 'line 1, column 8: <mark> needs the attribute "name"'],
    ["<speak><p><p>a</p></p></speak>", "line 1, column 11: <p> may not stand in a paragraph"],
    ["<speak><s><p>a</p></s></speak>", "line 1, column 11: <p> may not stand in a sentence"],
    ["<speak><sub alias='a'><s>b</s></sub></speak>", "line 1, column 23: <s> may not stand in <sub>"],
    ["<speak><p><lexicon uri='a'/></p></speak>", "line 1, column 11: <lexicon> may not stand in <p>"],
    ["<speak><desc>a</desc></speak>", "line 1, column 8: <desc> may not stand in <speak>"],
    ["<speak><speak/></speak>", "line 1, column 8: <speak> may not stand in <speak>"],
    ["<speak version='2.0'/>", 'line 1, column 1: SSML has the versions 1.0 and 1.1, not "2.0"'],
    ["<speak xmlns='urn:other'/>", "line 1, column 8: the namespace of SSML is http://www.w3.org/2001/10/synthesis"],
    [
      "<speak><lang xml:lang='english'>a</lang></speak>",
      'line 1, column 14: xml:lang="english" is no language such as "en" or "pt-BR"',
    ],
    [
      "<speak><prosody rate='rapid'>a</prosody></speak>",
      'line 1, column 17: rate="rapid" is no rate such as "slow", "80%" or "+10%"',
    ],
    [
      "<speak><voice gender='robot'>a</voice></speak>",
      'line 1, column 15: gender is female, male, neutral, not "robot"',
    ],
    ["<speak><voice age='old'>a</voice></speak>", 'line 1, column 15: an age is a number of years, not "old"'],
  ])("what SSML does not have: %s", (document, message) => {
    expect(failure(document)).toBe(message);
  });

  const lol = '<!DOCTYPE speak [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><speak>&b;</speak>';
  it.each([
    [
      "entities of its own",
      lol,
      "line 1, column 1: a document type is not accepted: no entities or rules may be declared here",
    ],
    [
      "files of others",
      '<!DOCTYPE speak [<!ENTITY x SYSTEM "file:///etc/passwd">]><speak>&x;</speak>',
      "a document type",
    ],
    ["another document type", '<!DOCTYPE html SYSTEM "http://a/b.dtd"><speak/>', "a document type"],
    ["an entity that XML does not have", "<speak>&nbsp;</speak>", "&nbsp; is not known"],
    ["depth", `<speak>${"<prosody>".repeat(40)}`, "line 1, column 287: elements nested more than 32 deep"],
    ["a flood of elements", `<speak>${"<break time='0s'/>".repeat(6_000)}</speak>`, "more than 5000 elements"],
    [
      "a flood of attributes",
      `<speak ${Array.from({ length: 40 }, (_, n) => `xmlns:a${n}="b"`).join(" ")}/>`,
      "more than 16 attributes",
    ],
    [
      "a huge value",
      `<speak><sub alias="${"a".repeat(5_000)}">b</sub></speak>`,
      "this value has more than 4096 characters",
    ],
    ["a huge name", `<speak><${"a".repeat(5_000)}/></speak>`, "a name of more than 128 characters"],
    ["a flood of marks", `<speak>${'<mark name="a"/>'.repeat(1_001)}a</speak>`, "more than 1000 marks"],
    [
      "a day of silence",
      `<speak>a${'<break time="20s"/>'.repeat(20)}</speak>`,
      "all breaks together are more than 300 seconds",
    ],
    [
      "a crowd of voices",
      `<speak>${Array.from({ length: 40 }, (_, n) => `<voice name="v${n}">a</voice>`).join("")}</speak>`,
      "more than 32 different voices",
    ],
    ["a text in shreds", `<speak>${"a<break time='1ms'/>".repeat(1_100)}</speak>`, "more than 1000 stretches of text"],
  ])("%s", (_, document, message) => {
    expect(failure(document)).toContain(message);
  });
});

describe("readSsml()", () => {
  it("gives punctuation to what stands before it, and lets no words grow together", () => {
    expect(texts(read('It is <prosody rate="slow">big</prosody>, <prosody rate="slow">very</prosody> big.'))).toEqual([
      "It is",
      "big, very",
      "big.",
    ]);
    expect(texts(read('I can pause <break time="3s"/>. I can go on.'))).toEqual(["I can pause.", "I can go on."]);
    expect(texts(read('"<sub alias="one">1</sub>" (<sub alias="two">2</sub>)'))).toEqual(['"one" (two)']);
    expect(texts(read("<s>One</s>\n<s>“Two</s>\n<s>three”</s>"))).toEqual(["One", "“Two", "three”"]);
    expect(texts(read("a<sub alias='b'>c</sub>d <mark name='x'/>e"))).toEqual(["abd e"]);
  });

  it("counts what is spoken, and no markup", () => {
    const bounds = { maxChars: 12 };
    const twelve = '<speak><!-- long as it may be --><mark name="first"/>Hello <sub alias="there.">x</sub></speak>';
    expect(texts(readSsml(twelve, BASE, bounds))).toEqual(["Hello there."]);
    expect(() => readSsml("<speak>Hello there, you.</speak>", BASE, bounds)).toThrow(
      expect.objectContaining({ code: "text_too_long" }),
    );
  });

  it("says nothing of a document without text", () => {
    const script = read('<break time="1s"/><mark name="end"/> … ');
    expect(script.spans).toEqual([]);
    expect(script.tail).toEqual({ ms: 1000, marks: [{ name: "end", atMs: 1000 }] });
  });

  it("adds rests up, with marks in between, before and behind the text", () => {
    const script = read(
      '<mark name="a"/><break time="200ms"/><mark name="b"/><break time=".3s"/>Text.<mark name="c"/><break/><mark name="d"/>',
    );
    expect(script.spans).toMatchObject([
      {
        lead: {
          ms: 500,
          marks: [
            { name: "a", atMs: 0 },
            { name: "b", atMs: 200 },
          ],
        },
        marks: [{ name: "c", at: 5 }],
      },
    ]);
    expect(script.tail).toEqual({ ms: 500, marks: [{ name: "d", atMs: 500 }] });
  });

  it("multiplies what is nested, and with what the request asks", () => {
    const script = read(
      '<prosody rate="80%" pitch="+12st" volume="-6dB">a <prosody rate="+25%" pitch="-50%" volume="+6dB">b</prosody></prosody>',
      { ...BASE, speed: 1.5 },
    );
    expect(script.spans.map(({ settings: { speed, pitch, volume } }) => [speed, pitch, volume])).toEqual([
      [1.2, 2, 0.501],
      [1.5, 1, 1],
    ]);
    expect(script.notices).toEqual([]);
  });

  it("reads the names of rates, pitches and volumes, and what it reads otherwise than asked it tells", () => {
    const of = (attributes: string) => {
      const { spans, notices } = read(`<prosody ${attributes}>a</prosody>`);
      const { speed, pitch, volume } = spans[0]!.settings;
      return [speed, pitch, volume, notices.length];
    };
    expect(of('rate="x-slow" pitch="high" volume="soft"')).toEqual([0.5, 1.25, 0.5, 0]);
    expect(of('rate="1.5" pitch="default" volume="50"')).toEqual([1.5, 1, 0.5, 0]);
    expect(of('pitch="+16Hz"')).toEqual([1, 1.1, 1, 1]);
    expect(of('pitch="220Hz"')).toEqual([1, 1, 1, 1]);
    expect(of('rate="900%" range="x-high" duration="3s"')).toEqual([4, 1, 1, 3]);
  });

  it("keeps silent for as long as a silent text would take", () => {
    const script = read('One. <prosody volume="silent">Not a word of this.</prosody> Two.');
    expect(script.spans.map(({ text, lead }) => [text, lead.ms])).toEqual([
      ["One.", 0],
      ["Two.", 19 * 65],
    ]);
  });

  it("tells what voices there may be", () => {
    const script = read(`<voice name="Ann en-US-Ann" age="70">a</voice>
<voice name="Ann en-US-Ann" age="70">b</voice>
<voice name="Bob" onvoicefailure="keepexisting">c</voice>
<voice name="Cid" onvoicefailure="ignoretext">d</voice><voice xml:lang="fr">e</voice>`);
    const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(
      (text) => script.spans.find((span) => span.text.includes(text))!.settings,
    );
    expect(a!.voice).toMatchObject({ names: ["Ann en-US-Ann", "Ann", "en-US-Ann"], traits: { age: "old" } });
    expect(b!.voice).toBe(a!.voice);
    expect(c!.voice.otherwise).toEqual({ voice: BASE.voice });
    expect(d!.voice.otherwise).toBe("leave-out");
    expect(e).toMatchObject({ voice: BASE.voice, language: "fr" });
  });

  it.each([
    ["characters", undefined, "a1-b@c.de", "A one dash B at C dot D E"],
    ["spell-out", undefined, "héé", "H É É"],
    ["digits", undefined, "10 4", "one zero four"],
    [
      "telephone",
      undefined,
      "+44 20 7946-0018 ext. 12",
      "plus four four, two zero, seven nine four six, zero zero one eight, extension one two",
    ],
    ["cardinal", undefined, "1,000,001", "one million one"],
    ["cardinal", undefined, "-3.14", "minus three point one four"],
    ["number", "ordinal", "112", "one hundred twelfth"],
    ["ordinal", undefined, "21st", "twenty-first"],
    ["ordinal", undefined, "20", "twentieth"],
    ["date", undefined, "2026-11-25", "November twenty-fifth, twenty twenty-six"],
    ["date", "dmy", "1.2.1905", "February first, nineteen oh five"],
    ["date", "yyyymmdd", "20001231", "December thirty-first, two thousand"],
    ["date", "ym", "1800/7", "July eighteen hundred"],
    ["date", "md", "7/4", "July fourth"],
    ["time", "hms12", "12:00am", "twelve A M"],
    ["time", undefined, "14:05", "fourteen oh five"],
    ["time", undefined, "9:00", "nine o'clock"],
    ["time", undefined, "1:02:03 p.m.", "one oh two and three seconds P M"],
    ["expletive", undefined, "damn", "bleep"],
  ])("say-as %s (%s): %s", (interpretAs, format, text, said) => {
    const attribute = format === undefined ? "" : ` format="${format}"`;
    const script = read(`<say-as interpret-as="${interpretAs}"${attribute}>${text}</say-as>`);
    expect(texts(script)).toEqual([said]);
    expect(script.notices).toEqual([]);
  });

  it("leaves to the engine, and tells, what it cannot put into words", () => {
    const script = read(
      '<say-as interpret-as="date">9/10/1960</say-as> <say-as interpret-as="currency">$5</say-as> <say-as interpret-as="cardinal">many</say-as> <lang xml:lang="de"><say-as interpret-as="ordinal">3</say-as> <say-as interpret-as="digits">12</say-as></lang>',
    );
    expect(texts(script)).toEqual(["9/10/1960 $5 many", "3 1 2"]);
    expect(script.notices).toEqual([
      { line: 1, column: 8, message: 'say-as "date": the text is not a date of that format; it is left to the engine' },
      {
        line: 1,
        column: 55,
        message: 'say-as "currency": this way of saying is not known; the text is left to the engine',
      },
      { line: 1, column: 99, message: 'say-as "cardinal": the text is not a number; it is left to the engine' },
      {
        line: 1,
        column: 165,
        message: 'say-as "ordinal": ordinal is put into words in English only; the text is left to the engine',
      },
    ]);
  });

  it("reads comments, CDATA, references, processing instructions and a byte order mark as XML has them", () => {
    const document =
      "\uFEFF<?xml version='1.0' encoding=\"utf-8\" standalone='yes'?><!-- a --><?keep?>\n<speak >1 &lt; 2 &amp;<![CDATA[ <3 ]]>&#x1F600;&#33;<!-- --></speak >\n<!-- b -->";
    expect(texts(readSsml(document, BASE, BOUNDS))).toEqual(["1 < 2 & <3 😀!"]);
  });
});

describe("readSsml() under any input", () => {
  const only = (document: string): void => {
    try {
      readSsml(document, BASE, BOUNDS);
    } catch (error) {
      const ours = error instanceof SpeechError && (error.code === "ssml_invalid" || error.code === "text_too_long");
      if (!ours || (error.code === "ssml_invalid" && !/^line \d+, column \d+: /.test(error.message))) throw error;
    }
  };
  const shred = fc.constantFrom(
    ..."<speak>|</speak>|<|>|/|&|;|&amp;|&#9;|\"|'|=| |\n|<!--|-->|<![CDATA[|]]>|<?xml|?>|<!DOCTYPE|<p>|</p>|<s>|</s>|a.|b|é|😀|\ud800|\u0000|<break|<mark name='a'/>|time|<voice name='a'>|</voice>|<prosody rate='1%'>|</prosody>|<sub alias='b'>|</sub>|<say-as interpret-as='date'>|</say-as>|<phoneme ph='a'>|</phoneme>|<audio>|</audio>|<metadata>|</metadata>".split(
      "|",
    ),
  );

  it("throws nothing but what it says", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), only), { numRuns: 100 });
    fc.assert(
      fc.property(
        fc.array(shred, { maxLength: 40 }).map((parts) => parts.join("")),
        only,
      ),
      { numRuns: 200 },
    );
    fc.assert(
      fc.property(
        fc.array(shred, { maxLength: 40 }).map((parts) => `<speak>${parts.join("")}</speak>`),
        only,
      ),
      { numRuns: 200 },
    );
  });

  it("places marks within the text, in order, and reads any text as it was escaped", () => {
    const word = fc.stringMatching(/^[a-z<>&"'é]{1,8}$/);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 12 }), (words) => {
        const escaped = words.map((text) => text.replaceAll(/[<>&"']/g, (c) => `&#${c.charCodeAt(0)};`));
        const script = read(escaped.map((text, at) => `<mark name="${at}"/>${text}`).join(" "));
        if (script.spans.length === 0) return;
        const [{ text, marks }] = script.spans as [Script["spans"][number]];
        expect(text).toBe(words.join(" "));
        expect(marks.map(({ at }) => at)).toEqual(marks.map(({ at }) => at).toSorted((a, b) => a - b));
        const dense = text.replaceAll(" ", "");
        for (const { name, at } of marks) expect(dense.slice(at).startsWith(words[Number(name)]!)).toBe(true);
      }),
    );
  });

  it.each([
    ["text", "a "],
    ["references", "&amp;"],
    ["comments", "<!---->"],
    ["open brackets", "<"],
    ["spaces in a tag", " "],
    ["closing marks", "]]"],
    ["words in CDATA", "<![CDATA[a]]>"],
    ["elements", "<s>a</s>"],
  ])("takes twice as long for twice as much: %s", (_, piece) => {
    // Counted in time of this machine, and far from it: what is quadratic would take minutes.
    const document = `<speak ${piece === " " ? "" : ">"}${piece.repeat(Math.ceil(1_000_000 / piece.length))}</speak>`;
    const from = process.cpuUsage().user;
    only(document);
    expect((process.cpuUsage().user - from) / 1_000_000).toBeLessThan(5);
  });
});
