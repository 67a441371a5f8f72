import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ConfigInput } from "../../src/config/config.ts";
import { resolveConfig } from "../../src/config/load.ts";
import { openWyoming } from "../../src/wyoming.ts";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { standInEngine } from "../support/stand-in-engine.ts";
import { voicedEngine } from "../support/voiced-engine.ts";
import { heard, WyomingClient } from "../support/wyoming-client.ts";

/** A gateway that speaks Wyoming on a free port. */
async function wyomingGateway(...[config, overrides]: Parameters<typeof runGateway>) {
  const gateway = await runGateway({ wyomingPort: 0, ...config }, overrides);
  const { port } = gateway.wyoming!;
  return { ...gateway, join: () => WyomingClient.connect(port) };
}

const engine = standInEngine({ name: "tones" });
const gateway = await wyomingGateway({}, { engines: [engine] });
const { join } = gateway;
const voice = { name: "one" };

/** Another door to the same speech. */
async function beside({ speech }: Pick<typeof gateway, "speech">, config: ConfigInput): Promise<typeof join> {
  const wyoming = openWyoming(resolveConfig({ wyomingPort: 0, ...config }), speech, pino({ level: "silent" }))!;
  onTestFinished(() => wyoming.close({ graceMs: 0 }));
  const { port } = await wyoming.listen();
  return () => WyomingClient.connect(port);
}

async function sayInPieces(text: string, where: typeof join): Promise<Buffer> {
  const client = await where();
  client.write("synthesize-start", { voice });
  for (const piece of text.match(/.{1,3}/gsu)!) client.write("synthesize-chunk", { text: piece });
  client.write("synthesize-stop");
  const events = await client.until("synthesize-stopped");
  client.socket.end();
  return heard(events).pcm;
}

async function say(text: string, more: Record<string, unknown> = { voice }, where = join) {
  const client = await where();
  client.write("synthesize", { text, ...more });
  const events = await client.until("audio-stop");
  client.socket.end();
  return heard(events);
}

async function running(): Promise<number> {
  const response = await fetch(`${gateway.url}/v1/stats`);
  return ((await response.json()) as { wyoming: { utterances: number } }).wyoming.utterances;
}

const posted = async (input: string, more: object = {}) =>
  bytesOf(await postSpeech(gateway, { input, voice: "one", response_format: "pcm", ...more }));

describe("a Wyoming client", () => {
  it("finds one program with every voice, under languages that people choose by", async () => {
    const many = voicedEngine("many", "anna de-DE female", "poly mul", "vague und");
    const lines = Array.from({ length: 400 }, (_, at) => `voice-with-a-long-name-number-${at} en-GB male`);
    const other = await wyomingGateway({}, { engines: [many, voicedEngine("more", ...lines)] });
    const client = await other.join();
    client.write("describe");
    const info = (await client.read())!;
    expect(info.type).toBe("info");
    expect(Object.keys(info.data)).toEqual(["asr", "tts", "handle", "intent", "wake", "mic", "snd"]);
    const [program, ...others] = info.data.tts as Record<string, unknown>[];
    expect(others).toEqual([]);
    expect(program).toMatchObject({ installed: true, supports_synthesize_streaming: true });
    expect(program!.attribution).toEqual({ name: expect.any(String) as string, url: expect.any(String) as string });
    const voices = program!.voices as Record<string, unknown>[];
    expect(voices).toHaveLength(403);
    expect(voices[0]).toEqual({
      name: "anna",
      description: "anna (many, female)",
      attribution: { name: "many", url: "" },
      installed: true,
      version: null,
      languages: ["de-DE"],
      speakers: null,
    });
    for (const at of [1, 2]) expect(voices[at]!.languages).toEqual(expect.arrayContaining(["en", "de", "zh"]));
    client.writeInline("ping", { text: "still there?" });
    expect(await client.read()).toMatchObject({ type: "pong", data: { text: "still there?" } });
    client.socket.end();
    await client.closed;
  });

  it("hears what HTTP's callers hear, made for either and stored for both", async () => {
    const text = "The door is open. Shall I close it?";
    const { start, pcm, types } = await say(text);
    expect(types).toEqual(["audio-start", "audio-chunk", "audio-stop"]);
    expect(start).toEqual({ rate: 24_000, width: 2, channels: 1 });
    expect(pcm.equals(await posted(text))).toBe(true);
    const { calls } = engine;
    expect((await say(text)).pcm.equals(pcm)).toBe(true);
    expect(engine.calls).toBe(calls);
  });

  it("is spoken to by the voice it names, by one of the language it names, or by the default", async () => {
    const text = "Who is speaking?";
    const one = await posted(text);
    const two = await posted(text, { voice: "two" });
    expect((await say(text, { voice: { name: "two" } })).pcm.equals(two)).toBe(true);
    expect((await say(text, { voice: { name: "tones/one", speaker: null } })).pcm.equals(one)).toBe(true);
    expect((await say(text, { voice: { language: "en-GB" } })).pcm.equals(two)).toBe(true);
    expect(
      (await say(text, { voice: null, text_format: "text" })).pcm.equals(await posted(text, { voice: "alloy" })),
    ).toBe(true);
  });

  it("streams text as a model writes it, and may send the whole again as Home Assistant does", async () => {
    const client = await join();
    const pieces = ["It is 21 deg", "rees. The win", "dow is open."];
    client.write("synthesize-start", { voice });
    client.write("synthesize-chunk", { text: pieces[0] });
    client.write("synthesize-chunk", { text: pieces[1] });
    const first = await client.until("audio-start"); // while the text is still being written
    expect(first).toHaveLength(1);
    client.write("synthesize-chunk", { text: pieces[2] });
    client.write("synthesize", { text: pieces.join(""), voice });
    client.write("synthesize-stop");
    const { pcm, types } = heard([...first, ...(await client.until("synthesize-stopped"))]);
    expect(types).toEqual(["audio-start", "audio-chunk", "audio-stop", "synthesize-stopped"]);
    expect(pcm.equals(await posted(pieces.join("")))).toBe(true);

    client.write("synthesize-start"); // one that sends it in no pieces at all
    client.write("synthesize", { text: "In one piece.", voice });
    client.write("synthesize-stop");
    expect(
      heard(await client.until("synthesize-stopped")).pcm.equals(await posted("In one piece.", { voice: "alloy" })),
    ).toBe(true);
    client.socket.destroy();
  });

  it("is heard in SSML, whole or in pieces, as HTTP's callers are", async () => {
    const ssml = "<speak>Wait. <break time='300ms'/> <prosody rate='150%'>Quick!</prosody></speak>";
    const pcm = await posted(ssml, { input_type: "ssml" });
    expect((await say(ssml, { voice, text_format: "ssml" })).pcm.equals(pcm)).toBe(true);
    const client = await join();
    client.write("synthesize-start", { voice, text_format: "ssml" });
    for (const text of ssml.match(/.{1,20}/g)!) client.write("synthesize-chunk", { text });
    client.write("synthesize", { text: ssml, voice, text_format: "ssml" });
    client.write("synthesize-stop");
    const { pcm: streamed, types } = heard(await client.until("synthesize-stopped"));
    expect(types).toEqual(["audio-start", "audio-chunk", "audio-stop", "synthesize-stopped"]);
    expect(streamed.equals(pcm)).toBe(true);
    client.socket.destroy();
  });

  it("that cannot say that it sends SSML is understood if WYOMING_SSML is set", async () => {
    const guessing = await beside(gateway, { wyomingSsml: true });
    const texts = [
      ["  <speak>Wait.</speak>", await posted("<speak>Wait.</speak>", { input_type: "ssml" })],
      ["<speaker> is a tag.", await posted("<speaker> is a tag.")],
      ["<spe", await posted("<spe")],
    ] as const;
    for (const [text, pcm] of texts) {
      expect((await say(text, { voice }, guessing)).pcm.equals(pcm), text).toBe(true);
      expect((await sayInPieces(text, guessing)).equals(pcm), text).toBe(true);
    }
    const [[ssml]] = texts;
    const asText = await posted(ssml);
    expect((await say(ssml, { voice, text_format: "text" }, guessing)).pcm.equals(asText)).toBe(true);
    expect((await say(ssml)).pcm.equals(asText)).toBe(true);
  });

  it("has a chat's markup taken out where the config file says so for all, or WYOMING_CLEAN for Wyoming", async () => {
    const chat = "**Use** [this](https://example.com). 🎉 Now!";
    const clean = await posted("Use this. Now!");
    const asWritten = await posted(chat);
    const cleaning = await wyomingGateway({ text: { clean: true } }, { engines: [standInEngine({ name: "tones" })] });
    for (const [where, pcm] of [
      [cleaning.join, clean],
      [await beside(cleaning, { wyomingClean: false }), asWritten],
      [await beside(gateway, { wyomingClean: true }), clean],
      [join, asWritten],
    ] as const) {
      expect((await say(chat, { voice }, where)).pcm.equals(pcm)).toBe(true);
      expect((await sayInPieces(chat, where)).equals(pcm)).toBe(true);
    }
  });

  it("may ask for several on one connection, and hears them one after the other", async () => {
    const client = await join();
    const texts = ["First of all.", "Then this.", "And that."];
    for (const text of texts) client.write("synthesize", { text, voice });
    for (const text of texts) expect(heard(await client.until("audio-stop")).pcm.equals(await posted(text))).toBe(true);
    client.socket.destroy();
  });

  it("that ends its own half after asking is still answered; one that breaks a text off is not waited for", async () => {
    const client = await join();
    client.writeInline("synthesize", { text: "Over to you.", voice });
    client.socket.end();
    expect(heard(await client.until("audio-stop")).pcm.equals(await posted("Over to you."))).toBe(true);
    expect(await client.read()).toBeUndefined();

    const other = await join();
    other.write("synthesize-start", { voice });
    other.write("synthesize-chunk", { text: "I meant to s" });
    await expect.poll(() => running()).toBe(1);
    other.socket.end();
    await other.closed;
    await expect.poll(() => running()).toBe(0);
  });
});
