import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { findChromium, launchBrowser, openPage } from "../support/browser.ts";
import { buildClientPage, type ClientPage, floats, inPage } from "../support/client-in-browser.ts";
import { bytesOf, postSpeech, type RunningGateway, runGateway } from "../support/gateway.ts";
import { type StandInEngine, standInEngine } from "../support/stand-in-engine.ts";

const hasBrowser = findChromium() !== undefined;
if (!hasBrowser) console.warn("the player is not tested: no chromium on PATH (apt-get install chromium)");

const HZ = 24_000;
/** Three segments, each of its own tones, so that a join in a wrong place is seen. */
const TEXT = "The first sentence. The second, longer. A third.";

describe.skipIf(!hasBrowser)("playback in a browser", () => {
  let browser: Browser;
  let files: ClientPage;
  let gateway: RunningGateway;
  let engine: StandInEngine;

  beforeAll(async () => {
    [browser, files] = await Promise.all([launchBrowser(), buildClientPage()]);
    engine = standInEngine({ words: true, chunkDurationMs: 70 });
    gateway = await runGateway({}, { engines: [engine], pageDirectory: files.directory });
  });
  afterAll(async () => {
    await browser?.close();
    files?.remove();
  });

  async function open() {
    const { page, complaints } = await openPage(browser);
    onTestFinished(() => page.context().close());
    await page.goto(gateway.url);
    return { page, complaints };
  }

  async function expectedSamples(text: string): Promise<Int16Array> {
    const body = { input: text, voice: "one", response_format: "pcm", model: "auto" };
    const pcm = await bytesOf(await postSpeech(gateway, body));
    return new Int16Array(pcm.buffer.slice(pcm.byteOffset, pcm.byteOffset + pcm.byteLength));
  }

  it.each(["pcm", "wav"])(
    "%s comes out of the loudspeaker sample by sample as it was made, over every join",
    async (format) => {
      const { page, complaints } = await open();
      const text = `${TEXT} As ${format}.`;
      const heard = await inPage<{ samples: string; end: { positionMs: number } }>(
        page,
        { text, format },
        `const { context, node, recorded } = await openTap();
       const speech = await client.createClient({ baseUrl: location.origin }).speak({ ...input, voice: "one", model: "auto" });
       // Cut anywhere, also in the middle of a sample.
       async function* pieces() {
         let size = 1;
         for await (const chunk of speech.audio)
           for (let at = 0; at < chunk.length; at += size, size = (size * 7 + 3) % 4001 + 1) yield chunk.subarray(at, at + size);
       }
       const playback = player.createPlayer({ context, destination: node }).play({ ...speech, audio: pieces() });
       await playback.begun;
       const end = await playback.ended;
       await new Promise((resolve) => setTimeout(resolve, 100));
       return { samples: base64(recorded()), end };`,
      );
      const expected = await expectedSamples(text);
      const { worst, silentBefore } = compare(floats(heard.samples), expected);
      expect(worst).toBeLessThan(0.001);
      expect(silentBefore).toBeGreaterThan(0);
      expect(heard.end).toMatchObject({ outcome: "ended", underruns: 0 });
      expect(heard.end.positionMs).toBeCloseTo((expected.length / HZ) * 1000, 3);
      expect(complaints).toEqual([]);
    },
  );

  it("mp3 is heard through an audio element while it arrives, without a hole", async () => {
    const { page, complaints } = await open();
    const heard = await inPage<{
      samples: string;
      begunBeforeEnd: boolean;
      end: { outcome: string; positionMs: number };
    }>(
      page,
      { text: TEXT },
      `const { context, node, recorded } = await openTap();
       const element = new Audio();
       context.createMediaElementSource(element).connect(node);
       const speech = await client.createClient({ baseUrl: location.origin }).speak({ ...input, voice: "one", model: "auto", format: "mp3" });
       let playback;
       let begunBeforeEnd = false;
       // The last piece comes only when the first was heard.
       async function* pieces() {
         const chunks = [];
         for await (const chunk of speech.audio) chunks.push(chunk);
         const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
         const cut = bytes.length >> 1;
         yield bytes.subarray(0, cut);
         await playback.begun;
         begunBeforeEnd = true;
         yield bytes.subarray(cut);
       }
       playback = player.createPlayer({ context, element }).play({ ...speech, audio: pieces() });
       const end = await playback.ended;
       await new Promise((resolve) => setTimeout(resolve, 200));
       return { samples: base64(recorded()), begunBeforeEnd, end };`,
    );
    const expectedMs = ((await expectedSamples(TEXT)).length / HZ) * 1000;
    const { durationMs, longestHoleMs } = shapeOf(floats(heard.samples));
    expect(heard.begunBeforeEnd).toBe(true);
    expect(heard.end.outcome).toBe("ended");
    // An encoder's delay before each segment: some 50 ms of nearly nothing, as in the file itself.
    expect(Math.abs(durationMs - expectedMs)).toBeLessThan(400);
    expect(longestHoleMs).toBeLessThan(120);
    expect(complaints).toEqual([]);
  });

  it("a format that cannot be streamed is played when it is complete", async () => {
    const { page, complaints } = await open();
    const said = await inPage<{ streams: boolean; outcome: string; positionMs: number }>(
      page,
      { text: "Short." },
      `const speech = await client.createClient({ baseUrl: location.origin }).speak({ ...input, voice: "one", model: "auto", format: "opus" });
       const { outcome, positionMs } = await player.createPlayer().play(speech).ended;
       return { streams: player.canStream("opus"), outcome, positionMs };`,
    );
    expect(said).toMatchObject({ streams: false, outcome: "ended" });
    expect(said.positionMs).toBeGreaterThan(80);
    expect(complaints).toEqual([]);
  });

  it("an utterance over the socket is heard sample by sample, its words when the audio clock reaches them", async () => {
    const { page, complaints } = await open();
    const text = "One two three. Four five six. Seven.";
    const heard = await inPage<{
      samples: string;
      words: { text: string; startMs: number; atMs: number }[];
      end: { outcome: string; heard: { text: string }[] };
    }>(
      page,
      { text },
      `const { context, node, recorded } = await openTap();
       const socket = client.connect({ baseUrl: location.origin });
       const spoken = socket.stream(input.text.match(/.{1,4}/g), { voice: "one", format: "pcm", words: true });
       const words = [];
       const playback = player.createPlayer({ context, destination: node }).play(spoken, {
         onWord: (word) => words.push({ ...word, atMs: playback.positionMs }),
       });
       const end = await playback.ended;
       await new Promise((resolve) => setTimeout(resolve, 100));
       await socket.close();
       return { samples: base64(recorded()), words, end };`,
    );
    expect(compare(floats(heard.samples), await expectedSamples(text)).worst).toBeLessThan(0.001);
    expect(heard.words.map((word) => word.text.replace(".", ""))).toEqual(text.replaceAll(".", "").split(" "));
    expect(heard.end.heard.map((word) => word.text)).toEqual(heard.words.map((word) => word.text));
    // Never early; late by a timer's slowness and by the output's own delay.
    for (const { startMs, atMs } of heard.words) {
      expect(atMs).toBeGreaterThanOrEqual(startMs - 1);
      expect(atMs - startMs).toBeLessThan(1_000);
    }
    expect(complaints).toEqual([]);
  });

  it("stop() cancels the utterance at the gateway: barge-in", async () => {
    const { page } = await open();
    engine.script.chunkMs = 20;
    onTestFinished(() => {
      delete engine.script.chunkMs;
    });
    const text = "This is a story without an end, told slowly, so that one may interrupt it. It goes on and on.";
    const told = await inPage<{
      end: { outcome: string; positionMs: number; heard: { text: string }[] };
      done: { outcome: string; spokenText: string };
    }>(
      page,
      { text },
      `const socket = client.connect({ baseUrl: location.origin });
       const spoken = socket.speak({ text: input.text, voice: "one", format: "pcm", words: true });
       const playback = player.createPlayer().play(spoken);
       await playback.begun;
       await new Promise((resolve) => setTimeout(resolve, 300));
       const end = playback.stop();
       const done = await spoken.done;
       await socket.close();
       return { end, done };`,
    );
    expect(told.end.outcome).toBe("stopped");
    expect(told.end.positionMs).toBeGreaterThan(200);
    expect(told.done.outcome).toBe("cancelled");
    expect(text.startsWith(told.done.spokenText)).toBe(true);
    await expect.poll(() => engine.active).toBe(0);
  });

  it("audio that comes too late is a pause, not a part of the position", async () => {
    const { page } = await open();
    const { end, samples } = await inPage<{ end: { underruns: number; positionMs: number }; samples: string }>(
      page,
      {},
      `const { context, node, recorded } = await openTap();
       const part = new Uint8Array(new Int16Array(9600).fill(8192).buffer);
       async function* late() {
         yield part;
         const again = context.currentTime + 1;
         while (context.currentTime < again) await new Promise((resolve) => setTimeout(resolve, 10));
         yield part;
       }
       const playback = player.createPlayer({ context, destination: node }).play({ audio: late(), format: "pcm" });
       const end = await playback.ended;
       await new Promise((resolve) => setTimeout(resolve, 100));
       return { end, samples: base64(recorded()) };`,
    );
    expect(end).toMatchObject({ outcome: "ended", underruns: 1 });
    expect(end.positionMs).toBeCloseTo(800, 3);
    const all = floats(samples);
    const sounding = [...all.keys()].filter((at) => all[at]! > 0.1);
    expect(sounding).toHaveLength(0.8 * HZ);
    expect(sounding.at(-1)! - sounding[0]!).toBeGreaterThan(1.2 * HZ);
  });

  it("stop() is silence at once, without a click, and tells what was heard", async () => {
    const { page } = await open();
    const { end, samples, left } = await inPage<{
      end: { outcome: string; positionMs: number };
      samples: string;
      left: boolean;
    }>(
      page,
      {},
      `const { context, node, recorded } = await openTap();
       let left = false;
       async function* endless() {
         try { for (;;) yield new Uint8Array(new Int16Array(2400).fill(16384).buffer); } finally { left = true; }
       }
       const playback = player.createPlayer({ context, destination: node }).play({ audio: endless(), format: "pcm" });
       await playback.begun;
       await new Promise((resolve) => setTimeout(resolve, 300));
       const end = playback.stop();
       await playback.ended;
       await new Promise((resolve) => setTimeout(resolve, 500));
       return { end, samples: base64(recorded()), left };`,
    );
    const all = floats(samples);
    const from = all.findIndex((sample) => sample > 0.1);
    const full = all.findLastIndex((sample) => sample > 0.4999) + 1 - from;
    const heard = all.findLastIndex((sample) => sample > 0) + 1 - from;
    expect(end.outcome).toBe("stopped");
    // The audio thread may be some blocks ahead of the page's view of its clock.
    expect(Math.abs((full / HZ) * 1000 - end.positionMs)).toBeLessThan(50);
    expect(heard - full).toBeLessThanOrEqual(0.006 * HZ);
    let step = 0;
    for (let at = from + full; at <= from + heard; at++) step = Math.max(step, Math.abs(all[at]! - all[at - 1]!));
    expect(step).toBeLessThan(0.5 / 60);
    expect(left).toBe(true);
  });

  it("the signal stops it too, with its reason; audio that breaks off is heard as far as it came", async () => {
    const { page } = await open();
    const told = await inPage<string[]>(
      page,
      {},
      `const sound = new Uint8Array(new Int16Array(2400).fill(1).buffer);
       async function* broken() { yield sound; throw new Error("broke off"); }
       async function* hanging() { yield sound; await new Promise(() => {}); }
       const p = player.createPlayer();
       const playback = p.play({ audio: broken(), format: "pcm" });
       const first = await playback.ended.catch((error) => error.message + " at " + Math.round(playback.positionMs));
       const second = await p.play({ audio: hanging(), format: "pcm" }, { signal: AbortSignal.timeout(50) }).ended.catch((error) => error.name);
       const third = await p.play({ audio: broken(), format: "pcm" }, { signal: AbortSignal.abort(new Error("never")) }).ended.catch((error) => error.message);
       const fourth = await p.play({ audio: broken(), contentType: "text/html" }).ended.catch((error) => error.message);
       return [first, second, third, fourth];`,
    );
    expect(told).toEqual(["broke off at 100", "TimeoutError", "never", "text/html cannot be played"]);
  });
});

/** From the first sound to the last, and the longest time in between in which next to nothing was heard. */
function shapeOf(samples: Float32Array): { durationMs: number; longestHoleMs: number } {
  const step = HZ / 200; // 5 ms
  const loud = Array.from({ length: Math.floor(samples.length / step) }, (_, at) =>
    samples.subarray(at * step, (at + 1) * step).some((sample) => Math.abs(sample) > 0.02),
  );
  const [first, last] = [loud.indexOf(true), loud.lastIndexOf(true)];
  let hole = 0;
  let longest = 0;
  for (const heard of loud.slice(first, last)) {
    hole = heard ? 0 : hole + 1;
    longest = Math.max(longest, hole);
  }
  return { durationMs: (last + 1 - first) * 5, longestHoleMs: longest * 5 };
}

/** The recording against what was to be heard, from its first sound on. `worst` in steps of 16 bits. */
function compare(recording: Float32Array, expected: Int16Array) {
  const begin = expected.findIndex((sample) => sample !== 0);
  const silentBefore = recording.findIndex((sample) => sample !== 0);
  let worst = 0;
  for (let at = begin; at < expected.length; at++)
    worst = Math.max(worst, Math.abs((recording[silentBefore + at - begin] ?? 9) * 32_768 - expected[at]!));
  return { worst, silentBefore };
}
