import { describe, expect, it } from "vitest";
import { requestOf } from "../../../test/conformance/speech-engine.ts";
import { readConfig, readSsml, serverAudio } from "../../../test/support/stand-ins/edge-frames.ts";
import { configFrame, edgeSsml, longVoiceName, ssmlFrame } from "../edge/edge-frames.ts";
import { browserDate, readBinaryFrame, readTextFrame } from "./frames.ts";
import { readTurn } from "./turn.ts";

/** Byte for byte what captures of the best-known client and the service show; only time, ids and audio are ours. */
const AT = Date.UTC(2026, 10, 22, 9, 58, 13);
const ID = "0123456789abcdef0123456789abcdef";
const STREAM = "FEDCBA9876543210FEDCBA9876543210";
const CONFIG =
  "X-Timestamp:Sun Nov 22 2026 09:58:13 GMT+0000 (Coordinated Universal Time)\r\n" +
  "Content-Type:application/json; charset=utf-8\r\nPath:speech.config\r\n\r\n" +
  '{"context":{"synthesis":{"audio":{"metadataoptions":{"sentenceBoundaryEnabled":"false","wordBoundaryEnabled":"true"},' +
  '"outputFormat":"audio-24khz-48kbitrate-mono-mp3"}}}}\r\n';
const SSML =
  `X-RequestId:${ID}\r\nContent-Type:application/ssml+xml\r\n` +
  "X-Timestamp:Sun Nov 22 2026 09:58:13 GMT+0000 (Coordinated Universal Time)Z\r\nPath:ssml\r\n\r\n" +
  "<speak version='1.0' xmlns='http://www.w3.org/2001/10/synthesis' xml:lang='en-US'>" +
  "<voice name='Microsoft Server Speech Text to Speech Voice (en-US, EmmaMultilingualNeural)'>" +
  "<prosody pitch='+0Hz' rate='+0%' volume='+0%'>Hello &amp; goodbye</prosody></voice></speak>";
const json = (path: string, body: string): string =>
  `X-RequestId:${ID}\r\nContent-Type:application/json; charset=utf-8\r\nPath:${path}\r\n\r\n${body}`;
const WORD = json(
  "audio.metadata",
  '{"Metadata":[{"Type":"WordBoundary","Data":{"Offset":1000000,"Duration":5625000,' +
    '"text":{"Text":"R&amp;D","Length":5,"BoundaryType":"WordBoundary"}}}]}',
);
const AUDIO = Buffer.concat([
  Buffer.from([0, 128]),
  Buffer.from(`X-RequestId:${ID}\r\nContent-Type:audio/mpeg\r\nX-StreamId:${STREAM}\r\nPath:audio\r\n`),
  Buffer.from([0xff, 0xf3, 0x64, 0xc4]),
]);
const LAST = Buffer.concat([
  Buffer.from([0, 103]),
  Buffer.from(`X-RequestId:${ID}\r\nX-StreamId:${STREAM}\r\nPath:audio\r\n`),
]);

describe("The frames of Edge read-aloud", () => {
  const voice = longVoiceName("en-US-EmmaMultilingualNeural", "edge");
  const ssml = (fields = {}): string => edgeSsml(voice, requestOf({ voice: "", ...fields }), "Hello &amp; goodbye");

  it("leave us byte for byte as they leave the browser", () => {
    expect(configFrame(AT, "audio-24khz-48kbitrate-mono-mp3")).toBe(CONFIG);
    expect(ssmlFrame(AT, ID, ssml())).toBe(SSML);
    expect(ssml({ speed: 1.25, pitch: 0.9 })).toContain("<prosody pitch='-10%' rate='+25%' volume='+0%'>");
  });
  it("are what the stand-in takes and sends", () => {
    expect(readConfig(CONFIG)).toBe("audio-24khz-48kbitrate-mono-mp3");
    expect(readConfig(CONFIG.replace('"true"', "true"))).toBeUndefined();
    expect(readSsml(SSML)).toMatchObject({ voice: "en-US-EmmaMultilingualNeural", speed: 1, text: "Hello & goodbye" });
    for (const broken of ["a < b", "a <break/> b", "a & b", "a\u0000b", "x".repeat(4097)])
      expect(typeof readSsml(SSML.replace("Hello &amp; goodbye", broken)), broken).toBe("string");
    expect(serverAudio(ID, STREAM, AUDIO.subarray(130), "audio/mpeg")).toEqual(AUDIO);
    expect(serverAudio(ID, STREAM, new Uint8Array())).toEqual(LAST);
  });
  it("are read as the service sends them", () => {
    expect(readBinaryFrame(AUDIO)).toEqual({
      headers: new Map([
        ["x-requestid", ID],
        ["content-type", "audio/mpeg"],
        ["x-streamid", STREAM],
        ["path", "audio"],
      ]),
      body: AUDIO.subarray(130),
    });
    expect(readBinaryFrame(LAST).body.byteLength).toBe(0);
    expect(readTextFrame(json("turn.end", "{}"))).toMatchObject({ body: "{}" });
  });
  it("have the dates of a browser in UTC", () => {
    expect(browserDate(Date.UTC(2027, 0, 3, 4, 5, 6))).toBe(
      "Sun Jan 03 2027 04:05:06 GMT+0000 (Coordinated Universal Time)",
    );
  });
});

describe("longVoiceName()", () => {
  it.each([
    ["en-US-EmmaMultilingualNeural", "en-US, EmmaMultilingualNeural"],
    ["zh-CN-liaoning-XiaobeiNeural", "zh-CN-liaoning, XiaobeiNeural"],
    ["iu-Cans-CA-SiqiniqNeural", "iu-Cans-CA, SiqiniqNeural"],
    ["fil-PH-BlessicaNeural", "fil-PH, BlessicaNeural"],
  ])("says %s as the browser does", (id, inside) => {
    expect(longVoiceName(id, "edge")).toBe(`Microsoft Server Speech Text to Speech Voice (${inside})`);
  });
  it.each(["", "Emma", "en-US-Emma'><x", "en-US-Emma\r\n", "../..", "en-US-"])("refuses %j", (id) => {
    expect(() => longVoiceName(id, "edge")).toThrow(expect.objectContaining({ code: "voice_not_found" }));
  });
});

describe("readTurn()", () => {
  async function read(...messages: (string | Uint8Array)[]): Promise<unknown[]> {
    const found: unknown[] = [];
    async function* sent() {
      yield* messages;
      throw new Error("closed");
    }
    for await (const chunk of readTurn(sent(), { engine: "edge", contentType: "audio/mpeg" })) found.push(chunk);
    return found;
  }
  const end = json("turn.end", "{}");
  const audio = AUDIO.subarray(130);
  const word = { text: "R&D", startMs: 100, endMs: 662.5 };

  it("gives audio and words, words never first", async () => {
    const start = json("turn.start", `{"context":{"serviceTag":"${ID}"}}`);
    expect(await read(start, WORD, AUDIO, WORD, AUDIO, LAST, json("some.day", "?"), end)).toEqual([
      { audio, words: [word] },
      { words: [word] },
      { audio },
    ]);
  });
  it("passes over boundaries of other kinds and the end of the session", async () => {
    const other = WORD.replace("WordBoundary", "SentenceBoundary");
    const comma = WORD.replace('"BoundaryType":"WordBoundary"', '"BoundaryType":"PunctuationBoundary"');
    const over = json("audio.metadata", '{"Metadata":[{"Type":"SessionEnd","Data":{"Offset":1}}]}');
    expect(await read(AUDIO, other, comma, over, end)).toEqual([{ audio }]);
  });
  it("takes a turn without audio for no audio", async () => {
    await expect(read(WORD, LAST, end)).rejects.toMatchObject({ code: "engine_no_audio" });
  });
  it.each([
    ["a closed socket", [AUDIO], "closed"],
    ["an empty message", [new Uint8Array()], "without a length"],
    ["a length beyond the end", [AUDIO.subarray(0, 20)], "shorter than its headers"],
    [
      "another type",
      [Buffer.from(AUDIO.toString("latin1").replace("audio/mpeg", "video/mpeg"), "latin1")],
      "video/mpeg",
    ],
    ["audio without a type", [Buffer.concat([LAST, Buffer.from("x")])], "undefined"],
    ["a type without audio", [AUDIO.subarray(0, 130)], "without audio"],
    ["text without headers", ["hello"], "blank line"],
    ["metadata that is none", [json("audio.metadata", "[]")], /expected object/],
  ])("does not take %s for an end", async (_, messages, message) => {
    await expect(read(...messages)).rejects.toThrow(message);
  });
});
