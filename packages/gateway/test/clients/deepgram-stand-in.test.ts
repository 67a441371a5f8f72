import { DeepgramClient, DeepgramError } from "@deepgram/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DeepgramStandIn, deepgramStandIn } from "../support/stand-ins/deepgram.ts";
import { MS_PER_CHAR } from "../support/stand-ins/spoken-tones.ts";

const TEXT = "The quick brown fox.";

/** The judge of our stand-in is the vendor's own client. */
describe("Deepgram's stand-in, spoken to by the official client", () => {
  let server: DeepgramStandIn;
  beforeEach(async () => {
    server = await deepgramStandIn();
  });
  afterEach(() => server.close());
  const client = (apiKey = "any") => {
    const environment = { base: server.url, production: server.url, agent: server.url, agentRest: server.url };
    return new DeepgramClient({ apiKey, environment, maxRetries: 0 });
  };
  const speak = async (fields = {}, apiKey?: string): Promise<number> => {
    const request = {
      text: TEXT,
      model: "aura-2-thalia-en",
      encoding: "linear16",
      container: "none",
      sample_rate: 24_000,
      ...fields,
    };
    const answer = await client(apiKey).speak.v1.audio.generate(request as never);
    let bytes = 0;
    for await (const piece of answer.stream()!) bytes += piece.byteLength;
    return bytes;
  };

  it("streams speech at the asked speed, and lists voices", async () => {
    expect(await speak()).toBe(TEXT.length * MS_PER_CHAR * 48);
    expect(await speak({ speed: 1.25 })).toBe((TEXT.length * MS_PER_CHAR * 48) / 1.25);
    expect(await speak({ container: "wav", sample_rate: 16_000 })).toBe(44 + TEXT.length * MS_PER_CHAR * 32);
    const { tts } = await client().manage.v1.models.list();
    expect(tts?.map(({ canonical_name }) => canonical_name)).toContain("aura-2-viktoria-de");
    expect(server.requests[0]).toMatchObject({
      authorization: expect.stringMatching(/^token any$/i),
      body: { text: TEXT },
    });
  });

  it("fails as the client knows it", async () => {
    const failing = (status: number) => (error: unknown) =>
      error instanceof DeepgramError && error.statusCode === status;
    await expect(speak({ model: "nobody" })).rejects.toSatisfy(failing(400));
    await expect(speak({}, "wrong")).rejects.toSatisfy(failing(401));
    await server.fault({ kind: "status", status: 429 });
    await expect(speak()).rejects.toSatisfy(failing(429));
    await server.fault({ kind: "cut-after", bytes: 9600 });
    await expect(speak()).rejects.toThrow();
  });
});
