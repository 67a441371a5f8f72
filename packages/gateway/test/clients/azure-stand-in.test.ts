import {
  CancellationDetails,
  CancellationErrorCode,
  ResultReason,
  SpeechConfig,
  SpeechSynthesisOutputFormat,
  type SpeechSynthesisResult,
  SpeechSynthesizer,
} from "microsoft-cognitiveservices-speech-sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AzureStandIn, azureStandIn } from "../support/stand-ins/azure.ts";
import { MS_PER_CHAR } from "../support/stand-ins/spoken-tones.ts";

const VOICE = "en-US-AvaMultilingualNeural";
const TEXT = "The quick brown fox jumps over the lazy dog & me.";

/** The judge of our stand-in is the vendor's own client. */
describe("Azure's stand-in, spoken to by the official client", () => {
  let server: AzureStandIn;
  const synthesizers: SpeechSynthesizer[] = [];
  beforeEach(async () => {
    server = await azureStandIn();
  });
  afterEach(async () => {
    for (const each of synthesizers.splice(0)) each.close();
    await server.close();
  });
  const client = ({ voice = VOICE, key = "any", scheme = "ws" } = {}): SpeechSynthesizer => {
    const config = SpeechConfig.fromHost(new URL(server.url.replace("http", scheme)), key);
    config.speechSynthesisVoiceName = voice;
    config.speechSynthesisOutputFormat = SpeechSynthesisOutputFormat.Raw24Khz16BitMonoPcm;
    const synthesizer = new SpeechSynthesizer(config, null as never); // null: to memory, not to a loudspeaker
    synthesizers.push(synthesizer);
    return synthesizer;
  };
  const speak = (synthesizer: SpeechSynthesizer, text = TEXT): Promise<SpeechSynthesisResult> =>
    new Promise((resolve, reject) => synthesizer.speakTextAsync(text, resolve, reject));
  const speakSsml = (synthesizer: SpeechSynthesizer, ssml: string): Promise<SpeechSynthesisResult> =>
    new Promise((resolve, reject) => synthesizer.speakSsmlAsync(ssml, resolve, reject));

  it("streams audio and word boundaries, turn after turn on one connection", async () => {
    const synthesizer = client();
    let streamed = 0;
    const words: { text: string; offset: number; ms: number }[] = [];
    synthesizer.synthesizing = (_, { result }) => {
      streamed += result.audioData.byteLength;
    };
    synthesizer.wordBoundary = (_, { text, textOffset, audioOffset }) =>
      words.push({ text, offset: textOffset, ms: audioOffset / 10_000 });
    for (let turn = 1; turn <= 2; turn++) {
      const { reason, audioData } = await speak(synthesizer);
      expect(reason).toBe(ResultReason.SynthesizingAudioCompleted);
      expect(audioData.byteLength).toBe(TEXT.length * MS_PER_CHAR * 48);
      expect(streamed).toBe(turn * audioData.byteLength);
    }
    const once = words.slice(0, words.length / 2);
    expect(once.map(({ text }) => text)).toEqual(TEXT.match(/[\w&]{2,}/g));
    for (const { text, offset, ms } of once)
      expect([TEXT.slice(offset, offset + text.length), ms]).toEqual([text, offset * MS_PER_CHAR]);
    expect(server.connections).toBe(1);
    expect(server.asked[0]).toMatchObject({ voice: VOICE, text: TEXT, words: true });
  });

  it("takes SSML with a prosody, and refuses what is none", async () => {
    const ssml = (inner: string): string =>
      `<speak version='1.0' xmlns='http://www.w3.org/2001/10/synthesis' xml:lang='en-US'>${inner}</speak>`;
    const fast = ssml(`<voice name='${VOICE}'><prosody rate='+100%'>Twice as fast.</prosody></voice>`);
    const { audioData } = await speakSsml(client(), fast);
    expect(audioData.byteLength).toBe((14 * MS_PER_CHAR * 48) / 2);
    const details = CancellationDetails.fromResult(await speakSsml(client(), ssml("<p>no voice</p>")));
    expect(details.ErrorCode).toBe(CancellationErrorCode.BadRequestParameters);
  });

  it("lists voices", async () => {
    const { voices } = await client({ scheme: "http" }).getVoicesAsync();
    expect(voices.map(({ shortName, locale }) => [shortName, locale])).toContainEqual(["de-DE-KatjaNeural", "de-DE"]);
  });

  it("fails as the client knows it", async () => {
    const codeOf = async (result: Promise<SpeechSynthesisResult>): Promise<CancellationErrorCode> =>
      CancellationDetails.fromResult(await result).ErrorCode;
    expect(await codeOf(speak(client({ voice: "en-US-Nobody" })))).toBe(CancellationErrorCode.BadRequestParameters);
    expect(await codeOf(speak(client({ key: "wrong" })))).toBe(CancellationErrorCode.ConnectionFailure);
    await server.fault({ kind: "cut-after", bytes: 9600 });
    expect(await codeOf(speak(client()))).toBe(CancellationErrorCode.ConnectionFailure);
  });
});
