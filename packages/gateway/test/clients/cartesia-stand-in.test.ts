import Cartesia from "@cartesia/cartesia-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CartesiaStandIn, cartesiaStandIn } from "../support/stand-ins/cartesia.ts";
import { MS_PER_CHAR } from "../support/stand-ins/spoken-tones.ts";

const TEXT = "The quick, brown fox.";
const request = {
  model_id: "sonic-3.5",
  transcript: TEXT,
  voice: { id: "6ccbfb76-1fc6-48f7-b71d-91ac6298247b" },
  output_format: { container: "raw", encoding: "pcm_s16le", sample_rate: 24_000 },
} as const;

/** The judge of our stand-in is the vendor's own client. */
describe("Cartesia's stand-in, spoken to by the official client", () => {
  let server: CartesiaStandIn;
  beforeEach(async () => {
    server = await cartesiaStandIn();
  });
  afterEach(() => server.close());
  const client = (apiKey = "any") => new Cartesia({ apiKey, baseURL: server.url, maxRetries: 0 });

  it("answers bytes, and events with the time of each word", async () => {
    const whole = await (await client().tts.generate({ ...request })).arrayBuffer();
    expect(whole.byteLength).toBe(TEXT.length * MS_PER_CHAR * 48);
    const pieces: Buffer[] = [];
    const words: [string, number][] = [];
    let done = false;
    for await (const event of await client().tts.generateSSE({ ...request, add_timestamps: true })) {
      if (event.type === "chunk") pieces.push(Buffer.from(event.data, "base64"));
      if (event.type === "timestamps")
        for (const [at, word] of event.word_timestamps!.words.entries())
          words.push([word, event.word_timestamps!.start[at]!]);
      if (event.type === "done") ({ done } = event);
    }
    expect(Buffer.concat(pieces).equals(Buffer.from(whole))).toBe(true);
    expect(done).toBe(true);
    expect(words.map(([word]) => word)).toEqual(["The", "quick,", "brown", "fox."]);
    for (const [word, start] of words) expect(start).toBeCloseTo((TEXT.indexOf(word) * MS_PER_CHAR) / 1000, 6);
  });

  it("takes settings, and lists voices page by page", async () => {
    const fast = { ...request, generation_config: { speed: 1.5, emotion: "calm" } } as const;
    expect((await (await client().tts.generate(fast)).arrayBuffer()).byteLength).toBe(
      (TEXT.length * MS_PER_CHAR * 48) / 1.5,
    );
    const names: string[] = [];
    for await (const { name } of client().voices.list({ limit: 2 })) names.push(name);
    expect(names).toEqual(["Barbershop Man", "Tessa", "Viktoria"]);
  });

  it("fails as the client knows it", async () => {
    const speak = (fields = {}, key?: string) => client(key).tts.generate({ ...request, ...fields });
    await expect(speak({ voice: { id: "nobody" } })).rejects.toBeInstanceOf(Cartesia.BadRequestError);
    await expect(speak({}, "wrong")).rejects.toBeInstanceOf(Cartesia.AuthenticationError);
    await server.fault({ kind: "status", status: 429 });
    await expect(speak()).rejects.toBeInstanceOf(Cartesia.RateLimitError);
  });
});
