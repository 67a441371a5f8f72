import { protos, TextToSpeechClient, v1beta1 } from "@google-cloud/text-to-speech";
import { GoogleAuth } from "google-auth-library";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type GoogleStandIn, googleStandIn } from "../support/stand-ins/google.ts";
import { MS_PER_CHAR } from "../support/stand-ins/spoken-tones.ts";

const TEXT = "The quick brown fox.";
const voice = { name: "en-US-Neural2-C", languageCode: "en-US" };
const { SSML_MARK } = protos.google.cloud.texttospeech.v1beta1.SynthesizeSpeechRequest.TimepointType;
const audioConfig = { audioEncoding: "LINEAR16", sampleRateHertz: 24_000 } as const;

/** The judge of our stand-in is the vendor's own client. */
describe("Google's stand-in, spoken to by the official client", () => {
  let server: GoogleStandIn;
  const clients: { close(): Promise<void> }[] = [];
  beforeEach(async () => {
    server = await googleStandIn();
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await server.close();
  });
  const options = (apiKey = "any") => {
    const { hostname, port } = new URL(server.url);
    // Not `apiKey`: with that the client looks for a machine of Google's to run on, for five seconds.
    const authClient = new GoogleAuth().fromAPIKey(apiKey);
    return { apiEndpoint: hostname, port: Number(port), protocol: "http", fallback: true, authClient };
  };
  const kept = <T extends { close(): Promise<void> }>(client: T): T => {
    clients.push(client);
    return client;
  };

  it("speaks, at the asked speed, and lists voices", async () => {
    const client = kept(new TextToSpeechClient(options()));
    const [{ audioContent }] = await client.synthesizeSpeech({ input: { text: TEXT }, voice, audioConfig });
    expect(audioContent?.length).toBe(44 + TEXT.length * MS_PER_CHAR * 48);
    const fast = { ...audioConfig, speakingRate: 2 };
    const [faster] = await client.synthesizeSpeech({ input: { text: TEXT }, voice, audioConfig: fast });
    expect(faster.audioContent?.length).toBe(44 + (TEXT.length * MS_PER_CHAR * 48) / 2);
    const [{ voices }] = await client.listVoices({});
    expect(voices?.map(({ name }) => name)).toContain(voice.name);
    expect(server.requests[0]?.headers["x-goog-api-key"]).toBe("any");
  });

  it("tells when marks are passed", async () => {
    const client = kept(new v1beta1.TextToSpeechClient(options()));
    const [{ timepoints }] = await client.synthesizeSpeech({
      input: { ssml: '<speak><mark name="a"/>One &amp; <mark name="b"/>two</speak>' },
      ...{ voice, audioConfig, enableTimePointing: [SSML_MARK] },
    });
    expect(timepoints?.map(({ markName, timeSeconds }) => [markName, timeSeconds])).toEqual([
      ["a", 0],
      ["b", (6 * MS_PER_CHAR) / 1000],
    ]);
  });

  it("fails as the client knows it", async () => {
    const speak = (fields = {}, key?: string) =>
      kept(new TextToSpeechClient(options(key))).synthesizeSpeech({
        input: { text: TEXT },
        voice,
        audioConfig,
        ...fields,
      });
    const invalidArgument = 3;
    await expect(speak({ voice: { ...voice, name: "nobody" } })).rejects.toMatchObject({ code: invalidArgument });
    await expect(speak({}, "wrong")).rejects.toMatchObject({ code: invalidArgument, reason: "API_KEY_INVALID" });
    for (const [status, code] of [
      [403, 7],
      [429, 8],
    ] as const) {
      await server.fault({ kind: "status", status });
      await expect(speak()).rejects.toMatchObject({ code });
    }
  });
});
