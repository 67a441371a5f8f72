import { ElevenLabsClient, ElevenLabsError } from "@elevenlabs/elevenlabs-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ElevenLabsStandIn, elevenLabsStandIn } from "../support/stand-ins/elevenlabs.ts";
import { MS_PER_CHAR } from "../support/stand-ins/spoken-tones.ts";

const RACHEL = "21m00Tcm4TlvDq8ikWAM";
const TEXT = "The quick brown fox jumps over the lazy dog.";

/** The judge of our stand-in is the vendor's own client. */
describe("ElevenLabs' stand-in, spoken to by the official client", () => {
  let server: ElevenLabsStandIn;
  let client: ElevenLabsClient;
  beforeEach(async () => {
    server = await elevenLabsStandIn();
    client = new ElevenLabsClient({ baseUrl: server.url, apiKey: "any", maxRetries: 0 });
  });
  afterEach(() => server.close());
  const request = { text: TEXT, outputFormat: "pcm_24000" } as const;
  const whole = TEXT.length * MS_PER_CHAR * 48;

  it("streams audio, plain and with the time of each character", async () => {
    const plain: Uint8Array[] = [];
    for await (const bytes of await client.textToSpeech.stream(RACHEL, request)) plain.push(bytes);
    const timed: Buffer[] = [];
    let text = "";
    let endS = 0;
    for await (const chunk of await client.textToSpeech.streamWithTimestamps(RACHEL, request)) {
      timed.push(Buffer.from(chunk.audioBase64, "base64"));
      const {
        characters = [],
        characterStartTimesSeconds: starts = [],
        characterEndTimesSeconds: ends = [],
      } = chunk.alignment ?? {};
      text += characters.join("");
      for (const start of starts) expect(start).toBeGreaterThanOrEqual(endS - MS_PER_CHAR / 1000);
      endS = ends.at(-1) ?? endS;
    }
    expect(text).toBe(TEXT);
    expect(Math.abs(endS * 1000 - TEXT.length * MS_PER_CHAR)).toBeLessThan(1);
    expect(Buffer.concat(timed).equals(Buffer.concat(plain))).toBe(true);
    expect(Buffer.concat(timed).length).toBe(whole);
  });

  it("answers whole, too", async () => {
    const answer = await client.textToSpeech.convertWithTimestamps(RACHEL, request);
    expect(Buffer.from(answer.audioBase64, "base64").length).toBe(whole);
    expect(answer.alignment?.characters.join("")).toBe(TEXT);
  });

  it("takes the settings of a voice", async () => {
    const voiceSettings = { stability: 0.4, similarityBoost: 0.7, style: 0.1, speed: 1.2 };
    const more = { ...request, modelId: "eleven_flash_v2_5", languageCode: "de", seed: 7, voiceSettings };
    let bytes = 0;
    for await (const chunk of await client.textToSpeech.stream(RACHEL, more)) bytes += chunk.byteLength;
    expect(bytes / whole).toBeCloseTo(1 / 1.2, 2);
    expect(server.requests[0]).toMatchObject({ apiKey: "any", outputFormat: "pcm_24000" });
    expect(server.requests[0]?.body).toMatchObject({
      language_code: "de",
      seed: 7,
      voice_settings: { stability: 0.4 },
    });
  });

  it("lists voices page by page", async () => {
    const names: (string | undefined)[] = [];
    for (let nextPageToken: string | undefined, more = true; more; ) {
      const page = await client.voices.search(nextPageToken === undefined ? {} : { nextPageToken });
      names.push(...page.voices.map(({ name }) => name));
      more = page.hasMore;
      nextPageToken = page.nextPageToken;
    }
    expect(names).toEqual(["Rachel", "George", "Adam", "Matilda", "Dorothy"]);
    expect((await client.voices.getAll()).voices.length).toBe(5);
  });

  it("fails as the client knows it, and cuts streams", async () => {
    const speak = (voice: string) => client.textToSpeech.streamWithTimestamps(voice, request);
    await expect(speak("nobody")).rejects.toSatisfy(
      (error) => error instanceof ElevenLabsError && error.statusCode === 404,
    );
    for (const status of [401, 429, 500]) {
      await server.fault({ kind: "status", status, retryAfterS: 2 });
      await expect(speak(RACHEL)).rejects.toSatisfy(
        (error) => error instanceof ElevenLabsError && error.statusCode === status,
      );
    }
    await server.fault({ kind: "refuse" });
    await expect(speak(RACHEL)).rejects.toThrow();
    await server.fault({ kind: "cut-after", bytes: 9600 });
    let bytes = 0;
    const reading = async (): Promise<void> => {
      for await (const { audioBase64 } of await speak(RACHEL)) bytes += Buffer.from(audioBase64, "base64").length;
    };
    await expect(reading()).rejects.toThrow();
    expect(bytes).toBeLessThanOrEqual(9600);
  });
});
