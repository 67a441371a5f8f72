import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { connectSocket } from "../support/socket-client.ts";
import { voicedEngine } from "../support/voiced-engine.ts";

const WAV_HEADER_BYTES = 44;
const one = voicedEngine("one", "ann en-GB female", {
  ...{ id: "bob", language: "de-DE", gender: "male", age: "old", accent: "bavarian" },
  ...{ styles: ["calm"], languages: ["en-US"] },
});
const two = voicedEngine("two", "ann en-US female", "mul mul");
const gateway = await runGateway({ voices: { host: { gender: "male", language: "de" } } }, { engines: [one, two] });
const get = async (path: string) => {
  const response = await fetch(`${gateway.url}${path}`);
  return { status: response.status, body: (await response.json()) as { voices: { id: string }[] } };
};
const ids = async (query: string) => (await get(`/v1/audio/voices${query}`)).body.voices.map(({ id }) => id);

describe("GET /v1/audio/voices", () => {
  it("lists what to send as `voice`, and all that is known of each", async () => {
    expect((await get("/v1/audio/voices")).body).toEqual({
      voices: [
        { id: "ann", name: "ann", language: "en-GB", gender: "female", engine: "one" },
        {
          ...{ id: "bob", name: "bob", language: "de-DE", gender: "male", engine: "one", age: "old" },
          ...{ accent: "bavarian", languages: ["en-US"], styles: ["calm"] },
        },
        { id: "two/ann", name: "ann", language: "en-US", gender: "female", engine: "two" },
        { id: "mul", name: "mul", language: "mul", gender: null, engine: "two" },
      ],
    });
  });

  it("narrows by language, engine and gender", async () => {
    expect(await ids("?language=en")).toEqual(["ann", "bob", "two/ann", "mul"]);
    expect(await ids("?language=en_gb")).toEqual(["ann", "mul"]);
    expect(await ids("?engine=one&gender=male")).toEqual(["bob"]);
    expect(await ids("?engine=none")).toEqual([]);
  });

  it("gives names only where asked in the old way", async () => {
    const { body } = await get("/v1/audio/voices?legacy=true&engine=two");
    expect(body).toEqual({ voices: ["two/ann", "mul"] });
  });

  it.each(["?gender=man", "?legacy=yes", "?language=!", "?lang=de", `?engine=${"x".repeat(100)}`])(
    "refuses %s, naming the field",
    async (query) => {
      const { status, body } = await get(`/v1/audio/voices${query}`);
      expect(status).toBe(400);
      expect(body).toMatchObject({ error: { code: "invalid_request" } });
    },
  );

  it("speaks as each voice that it lists, and as an alias", async () => {
    for (const voice of [...(await ids("")), "host", "de"]) {
      const response = await fetch(`${gateway.url}/v1/audio/speech`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "auto", input: `I am ${voice}.`, voice, response_format: "wav" }),
      });
      const spoken = `${response.headers.get("mynah-engine")}/${response.headers.get("mynah-voice")}`;
      const expected = { ann: "one/ann", "two/ann": "two/ann", mul: "two/mul" }[voice] ?? "one/bob";
      expect([voice, response.status, spoken]).toEqual([voice, 200, expected]);
      const samples = 0.02 * `I am ${voice}.`.length * 24_000; // the stand-in's 20 ms for each character
      expect((await response.arrayBuffer()).byteLength).toBe(WAV_HEADER_BYTES + samples * 2);
    }
  });
});

describe("GET /v1/audio/models", () => {
  it("lists the engines in Open WebUI's shape", async () => {
    const { body } = await get("/v1/audio/models");
    expect(body).toMatchObject({
      models: expect.arrayContaining([
        { id: "one", name: "one" },
        { id: "auto", name: "auto" },
      ]),
    });
  });
});

describe('language: "auto"', () => {
  const GERMAN = "Bitte öffne jetzt das Fenster.";
  const ENGLISH = "Please open the window now.";
  const PROGRAM = fileURLToPath(new URL("../fixtures/tone-program.mjs", import.meta.url));

  it("has each sentence spoken by an engine of its language, whole, written piece by piece and by a link", async () => {
    const tones = { type: "command", command: process.execPath, args: [PROGRAM], format: "pcm", sampleRateHz: 16_000 };
    const both = await runGateway({
      engines: [
        { name: "flite", type: "flite" },
        { name: "tones", ...tones, voices: [{ id: "uta", language: "de-DE", gender: "female" }] },
      ],
    });
    const plain = async (input: string, voice: string) =>
      bytesOf(await postSpeech(both, { input, voice, response_format: "pcm" }));
    const expected = Buffer.concat([await plain(ENGLISH, "flite/slt"), await plain(GERMAN, "tones/uta")]);
    const how = { voice: "slt", language: "auto" };
    const text = `${ENGLISH} ${GERMAN}`;
    const whole = await bytesOf(await postSpeech(both, { ...how, input: text, response_format: "pcm" }));
    expect(whole.equals(expected)).toBe(true);

    const socket = await connectSocket(both);
    socket.send({ type: "append", id: "1", text: text.slice(0, 12), format: "pcm", ...how });
    socket.send({ type: "append", id: "1", text: text.slice(12) });
    socket.send({ type: "end", id: "1" });
    await socket.message("done");
    const frames = socket.arrivals.flatMap((one) => (one.type === "frame" ? [one.bytes] : []));
    expect(Buffer.concat(frames).equals(expected)).toBe(true);
    socket.socket.close();

    const made = await fetch(`${both.url}/v1/speech/links`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text, format: "pcm", ...how }),
    });
    const { path } = (await made.json()) as { path: string };
    expect((await bytesOf(await fetch(both.url + path))).equals(expected)).toBe(true);

    const refused = await postSpeech(both, { input: "Bonjour.", voice: "slt", language: "fr" });
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ error: { code: "setting_unsupported", param: "language" } });
  });
});
