import {
  DescribeVoicesCommand,
  PollyClient,
  SynthesizeSpeechCommand,
  type SynthesizeSpeechCommandInput,
} from "@aws-sdk/client-polly";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type PollyStandIn, pollyStandIn } from "../support/stand-ins/polly.ts";
import { MS_PER_CHAR } from "../support/stand-ins/spoken-tones.ts";

const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a secret", sessionToken: "a token" };
const TEXT = "Salt & pepper (100%).";
const request = { Engine: "neural", VoiceId: "Joanna", Text: TEXT, OutputFormat: "pcm", SampleRate: "16000" } as const;

/** The judge of our stand-in is the vendor's own client; what it signs is right by our own signer. */
describe("Polly's stand-in, spoken to by the official client", () => {
  let server: PollyStandIn;
  const clients: PollyClient[] = [];
  beforeEach(async () => {
    server = await pollyStandIn(keys);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await server.close();
  });
  const client = (credentials = keys): PollyClient => {
    const requestHandler = new NodeHttpHandler(); // the default speaks HTTP/2
    const made = new PollyClient({
      region: "eu-west-1",
      endpoint: server.url,
      credentials,
      requestHandler,
      maxAttempts: 1,
    });
    clients.push(made);
    return made;
  };
  const speak = async (fields: Partial<SynthesizeSpeechCommandInput> = {}, by = client()): Promise<Uint8Array> => {
    const { AudioStream } = await by.send(new SynthesizeSpeechCommand({ ...request, ...fields }));
    return AudioStream!.transformToByteArray();
  };

  it("streams audio, also of SSML, and tells speech marks", async () => {
    const by = client();
    expect((await speak({}, by)).byteLength).toBe(TEXT.length * MS_PER_CHAR * 32);
    const ssml = '<speak><prosody rate="200%">Salt &amp; pepper (100%).</prosody></speak>';
    expect((await speak({ Text: ssml, TextType: "ssml" }, by)).byteLength).toBe((TEXT.length * MS_PER_CHAR * 32) / 2);
    const marks = await speak({ OutputFormat: "json", SampleRate: undefined, SpeechMarkTypes: ["word"] }, by);
    const words = Buffer.from(marks)
      .toString()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(words.map(({ value, time }) => [value, time])).toEqual([
      ["Salt", 0],
      ["pepper", 7 * MS_PER_CHAR],
      ["100", 15 * MS_PER_CHAR],
    ]);
  });

  it("lists voices page by page", async () => {
    const first = await client().send(new DescribeVoicesCommand({ Engine: "neural" }));
    const { NextToken } = first;
    const second = await client().send(new DescribeVoicesCommand({ Engine: "neural", NextToken }));
    expect([...first.Voices!, ...second.Voices!].map(({ Id }) => Id)).toEqual(["Joanna", "Brian", "Kajal"]);
  });

  it("fails as the client knows it", async () => {
    await expect(speak({ VoiceId: "nobody" as never })).rejects.toMatchObject({ name: "ValidationException" });
    await expect(speak({ SampleRate: "24000" })).rejects.toMatchObject({ name: "InvalidSampleRateException" });
    await expect(speak({}, client({ ...keys, secretAccessKey: "another" }))).rejects.toMatchObject({
      ...{ name: "InvalidSignatureException", $metadata: { httpStatusCode: 403 } },
    });
    server.throttles = true;
    await expect(speak()).rejects.toMatchObject({ name: "ThrottlingException" });
  });
});
