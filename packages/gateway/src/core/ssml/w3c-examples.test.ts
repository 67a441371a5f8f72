/**
 * Examples of the specification "Speech Synthesis Markup Language (SSML) Version 1.1", W3C Recommendation 7 September 2010,
 * Copyright © 2010 W3C® (MIT, ERCIM, Keio), used under the W3C document licence, without their xsi:schemaLocation where
 * it says nothing. What is expected of each is ours.
 */
import { describe, expect, it } from "vitest";
import type { Script, SpanSettings } from "../script.ts";
import { readSsml } from "./read-ssml.ts";

const BASE: SpanSettings = { voice: { names: ["alloy"] }, speed: 1, pitch: 1, volume: 1 };
const BOUNDS = { maxChars: 20_000 };
const OPEN = `<?xml version="1.0"?>
<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis"
       xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
       xsi:schemaLocation="http://www.w3.org/2001/10/synthesis
                 http://www.w3.org/TR/speech-synthesis11/synthesis.xsd"
       xml:lang="en-US">`;

const read = (body: string): Script => readSsml(`${OPEN}${body}</speak>`, BASE, BOUNDS);
const texts = ({ spans }: Script): string[] => spans.map(({ text }) => text);
const notices = (script: Script): string[] => script.notices.map(({ message }) => message);

describe("the W3C's examples", () => {
  it("Appendix E, a simple example: sentences, a break, a slow word", () => {
    const script = read(`
  <p>
    <s>You have 4 new messages.</s>
    <s>The first is from Stephanie Williams and arrived at <break/> 3:45pm.
    </s>
    <s>
      The subject is <prosody rate="20%">ski trip</prosody>
    </s>
  </p>`);
    expect(texts(script)).toEqual([
      "You have 4 new messages.",
      "The first is from Stephanie Williams and arrived at",
      "3:45pm.",
      "The subject is",
      "ski trip",
    ]);
    expect(script.spans.map(({ lead }) => lead.ms)).toEqual([0, 0, 500, 0, 0]);
    expect(script.spans.map(({ settings }) => settings.speed)).toEqual([1, 1, 1, 1, 0.25]);
    expect(script.spans[0]!.settings.language).toBe("en-US");
    expect(script.notices).toEqual([{ line: 12, column: 22, message: "speed 0.2 is out of range; it is 0.25" }]);
  });

  it("Appendix E, audio and voices: by gender, with a sound that is left out", () => {
    const script = read(`
  <p>
    <voice gender="male">
      <s>Today we preview the latest romantic music from Example.</s>
      <s>Hear what the Software Reviews said about Example's newest hit.</s>
    </voice>
  </p>
  <p>
    <voice gender="female">
      He sings about issues that touch us all.
    </voice>
  </p>
  <p>
    <voice gender="male">
      Here's a sample.  <audio src="http://www.example.com/music.wav"/>
      Would you like to buy it?
    </voice>
  </p>`);
    expect(texts(script)).toEqual([
      "Today we preview the latest romantic music from Example.",
      "Hear what the Software Reviews said about Example's newest hit.",
      "He sings about issues that touch us all.",
      "Here's a sample. Would you like to buy it?",
    ]);
    expect(script.spans.map(({ settings }) => settings.voice.traits?.gender)).toEqual([
      "male",
      "male",
      "female",
      "male",
    ]);
    expect(script.spans[3]!.settings.voice).toBe(script.spans[0]!.settings.voice);
    expect(script.spans.map(({ lead }) => lead.ms)).toEqual([0, 0, 500, 500]);
    expect(notices(script)).toEqual(["audio is not fetched; its alternate text is spoken"]);
  });

  it("Appendix E, mixed languages without markup, in what says to be ISO 8859-1", () => {
    const document = `<?xml version="1.0" encoding="ISO-8859-1"?>
<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US">

  The title of the movie is:
  "La vita è bella"
  (Life is beautiful),
  which is directed by Roberto Benigni.
</speak>`;
    expect(texts(readSsml(document, BASE, BOUNDS))).toEqual([
      'The title of the movie is: "La vita è bella" (Life is beautiful), which is directed by Roberto Benigni.',
    ]);
  });

  it("Appendix E, the International Phonetic Alphabet", () => {
    const script = read(`
  The title of the movie is:
  <phoneme alphabet="ipa"
    ph="&#x2C8;l&#x251; &#x2C8;vi&#x2D0;&#x27E;&#x259; &#x2C8;&#x294;e&#x26A; &#x2C8;b&#x25B;l&#x259;">
  La vita è bella </phoneme>
  <!-- The IPA pronunciation is ˈlɑ ˈviːɾə ˈʔeɪ ˈbɛlə -->
  (Life is beautiful),
  which is directed by
  <phoneme alphabet="ipa"
    ph="&#x279;&#x259;&#x2C8;b&#x25B;&#x2D0;&#x279;&#x27E;o&#x28A; b&#x25B;&#x2C8;ni&#x2D0;nji">
  Roberto Benigni </phoneme>`);
    const [{ text, pronunciations }] = script.spans as [Script["spans"][number]];
    expect(text).toBe(
      "The title of the movie is: La vita è bella (Life is beautiful), which is directed by Roberto Benigni",
    );
    expect(pronunciations.map(({ phonemes }) => phonemes)).toEqual(["ˈlɑ ˈviːɾə ˈʔeɪ ˈbɛlə", "ɹəˈbɛːɹɾoʊ bɛˈniːnji"]);
    const dense = text.replaceAll(" ", "");
    expect(pronunciations.map(({ from, to }) => dense.slice(from, to))).toEqual(["Lavitaèbella", "RobertoBenigni"]);
  });

  it("3.1.1 speak, 3.1.7 p and s, 3.1.12 lang", () => {
    expect(texts(read('\n  <p>I don\'t speak Japanese.</p>\n  <p xml:lang="ja">日本語が分かりません。</p>'))).toEqual([
      "I don't speak Japanese.",
      "日本語が分かりません。",
    ]);
    expect(
      texts(read("<p><s>This is the first sentence of the paragraph.</s><s>Here's another sentence.</s></p>")),
    ).toEqual(["This is the first sentence of the paragraph.", "Here's another sentence."]);
    const script = read(`
  The French word for cat is <w xml:lang="fr">chat</w>.
  He prefers to eat pasta that is <lang xml:lang="it">al dente</lang>.`);
    expect(texts(script)).toEqual([
      "The French word for cat is",
      "chat.",
      "He prefers to eat pasta that is",
      "al dente.",
    ]);
    expect(script.spans.map(({ settings }) => settings.language)).toEqual(["en-US", "fr", "en-US", "it"]);
  });

  it("3.1.4 lexicon, 3.1.5 lookup, meta and 3.1.6 metadata", () => {
    const script = read(`
  <lexicon uri="http://www.example.com/lexicon.pls" xml:id="pls"/>
  <lexicon uri="http://www.example.com/strange-words.file" xml:id="sw" type="media-type"/>
  <meta name="seeAlso" content="http://example.com/my-ssml-metadata.xml"/>
  <meta http-equiv="Cache-Control" content="no-cache"/>
  <metadata>
   <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/metadata/dublin_core#">
   <rdf:Description rdf:about="http://www.example.com/meta.ssml" dc:Title="Hamlet-like Soliloquy">
      <dc:Creator><rdf:Seq ID="CreatorsAlphabeticalBySurname"><rdf:li>William Shakespeare</rdf:li></rdf:Seq></dc:Creator>
   </rdf:Description>
   </rdf:RDF>
  </metadata>
  <lookup ref="pls">tokens here are looked up</lookup> and these are not.`);
    expect(texts(script)).toEqual(["tokens here are looked up and these are not."]);
    expect(notices(script)).toEqual([
      "a lexicon is not fetched; its pronunciations are not used",
      "a lexicon is not fetched; its pronunciations are not used",
      "lookup is not done, for no lexicon is fetched; its text is spoken",
    ]);
  });

  it("3.1.8 token and w", () => {
    expect(texts(read('<s><token>人</token>と<w role="nn">犬</w></s>'))).toEqual(["人と犬"]);
  });

  it("3.1.9 say-as, as the W3C's note on its values has it", () => {
    const script = read(`
  <s>The date is <say-as interpret-as="date" format="mdy">9/10/1960</say-as>.</s>
  <s>At <say-as interpret-as="time" format="hms12">2:30 pm</say-as>.</s>
  <s>Call <say-as interpret-as="telephone" format="1">(781) 771-7777</say-as>.</s>
  <s>Spell <say-as interpret-as="characters" format="characters">WWW</say-as>.</s>
  <s>The <say-as interpret-as="ordinal">3</say-as> of <say-as interpret-as="cardinal">1,234</say-as>.</s>`);
    expect(texts(script)).toEqual([
      "The date is September tenth, nineteen sixty.",
      "At two thirty P M.",
      "Call seven eight one, seven seven one, seven seven seven seven.",
      "Spell W W W.",
      "The third of one thousand two hundred thirty-four.",
    ]);
    expect(script.notices).toEqual([]);
  });

  it("3.1.10 phoneme and 3.1.11 sub", () => {
    const script = read(`<phoneme alphabet="ipa" ph="t&#x259;mei&#x325;&#x27E;ou&#x325;"> tomato </phoneme>`);
    expect(script.spans[0]!.pronunciations).toMatchObject([{ alphabet: "ipa", from: 0, to: 6 }]);
    expect(texts(read('<sub alias="World Wide Web Consortium">W3C</sub>'))).toEqual(["World Wide Web Consortium"]);
  });

  it("3.2.1 voice", () => {
    const script = read(`
  <voice gender="female" languages="en-US" required="languages gender variant">Mary had a little lamb,</voice>
  <!-- now request a different female child's voice -->
  <voice gender="female" variant="2">
  Its fleece was white as snow.
  </voice>
  <!-- processor-specific voice selection -->
  <voice name="Mike" required="name">I want to be like Mike.</voice>`);
    expect(script.spans.map(({ settings }) => settings.voice)).toMatchObject([
      { names: [], traits: { gender: "female", language: "en-US" } },
      { names: [], traits: { gender: "female" } },
      { names: ["Mike"], place: { line: 13, column: 3 } },
    ]);
    expect(script.spans[0]!.text).toBe("Mary had a little lamb,");
    expect(notices(script)).toEqual(["the variant of a voice is not chosen"]);
  });

  it("3.2.2 emphasis and 3.2.3 break", () => {
    const script = read(
      'That is a <emphasis> big </emphasis> car! That is a <emphasis level="strong">huge</emphasis> bank account!',
    );
    expect(texts(script)).toEqual(["That is a big car! That is a huge bank account!"]);
    expect(script.notices).toHaveLength(2);
    const rests = read(`Take a deep breath <break/> then continue.
  Press 1 or wait for the tone. <break time="3s"/> I didn't hear you! <break strength="weak"/> Please repeat.`);
    expect(rests.spans.map(({ lead, text }) => [lead.ms, text])).toEqual([
      [0, "Take a deep breath"],
      [500, "then continue. Press 1 or wait for the tone."],
      [3000, "I didn't hear you!"],
      [250, "Please repeat."],
    ]);
  });

  it("3.2.4 prosody", () => {
    const script = read('The price of XYZ is <prosody rate="90%">$45</prosody>');
    expect(script.spans.map(({ settings, text }) => [settings.speed, text])).toEqual([
      [1, "The price of XYZ is"],
      [0.9, "$45"],
    ]);
    const contour = read('<prosody contour="(0%,+20Hz) (10%,+30%) (40%,+10Hz)">good morning</prosody>');
    expect(texts(contour)).toEqual(["good morning"]);
    expect(notices(contour)).toEqual(["prosody contour is not done"]);
  });

  it("3.3.1 audio, 3.3.2 mark", () => {
    const audio = read(`
  Please say your name after the tone.  <audio src="beep.wav"/>
  <audio src="prompt.au">What city do you want to fly from?</audio>
  <audio src="welcome.wav"><emphasis>Welcome</emphasis> to the Voice Portal.<desc>a welcome</desc></audio>`);
    expect(texts(audio)).toEqual([
      "Please say your name after the tone. What city do you want to fly from? Welcome to the Voice Portal.",
    ]);
    const script = read('Go from <mark name="here"/> here, to <mark name="there"/> there!');
    expect(texts(script)).toEqual(["Go from here, to there!"]);
    expect(script.spans[0]!.marks).toEqual([
      { name: "here", at: 6 },
      { name: "there", at: 13 },
    ]);
  });

  it("2.1, with the document type that the specification asks for, which is not fetched", () => {
    const document = `<?xml version="1.0"?>
<!DOCTYPE speak PUBLIC "-//W3C//DTD SYNTHESIS 1.1//EN" "http://www.w3.org/TR/speech-synthesis11/synthesis.dtd">
<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US">Hello.</speak>`;
    expect(texts(readSsml(document, BASE, BOUNDS))).toEqual(["Hello."]);
  });
});
