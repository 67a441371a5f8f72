import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { bytesOf, postSpeech, type RunningGateway, runGateway } from "../support/gateway.ts";
import { standInEngine } from "../support/stand-in-engine.ts";
import { parseSrt, parseVtt } from "../support/subtitle-parsers.ts";

const TEXT = "Hello there, dear listener. This is the second sentence.";
type Words = { durationMs: number; words: { text: string; startMs: number; endMs: number; estimated?: true }[] };

function postSubtitles({ url }: RunningGateway, body: Record<string, unknown>, headers: Record<string, string> = {}) {
  return fetch(`${url}/v1/speech/subtitles`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "tts-1", voice: "alloy", input: TEXT, ...body }),
  });
}

describe("POST /v1/speech/subtitles", () => {
  it.each(["mp3", "opus"])(
    "gives the same for %s made now and stored, and the audio is stored with it",
    async (format) => {
      const gateway = await runGateway();
      const body = { response_format: format, subtitle_format: "json" };
      const fresh = await postSubtitles(gateway, body);
      expect(fresh.status).toBe(200);
      expect(fresh.headers.get("cache-status")).toBe("mynah; fwd=miss; stored");
      expect(fresh.headers.get("content-type")).toBe("application/json; charset=utf-8");
      const said = (await fresh.json()) as Words;
      expect(said.words.map(({ text }) => text)).toEqual(
        "Hello there dear listener This is the second sentence".split(" "),
      );
      expect(said.words.some(({ estimated }) => estimated)).toBe(false);
      expect(fresh.headers.get("mynah-duration-ms")).toBe(String(said.durationMs));

      const hear = () => postSpeech(gateway, { input: TEXT, response_format: format });
      await expect.poll(async () => (await hear()).headers.get("cache-status"), { timeout: 5_000 }).toBe("mynah; hit");
      const audio = await bytesOf(await hear());
      const { durationMs } = await gateway.speech.transcoder.inspect(audio, gateway.speech.formats[format as "mp3"], {
        signal: new AbortController().signal,
      });
      expect(Math.abs(said.durationMs - durationMs)).toBeLessThan(21);

      const stored = await postSubtitles(gateway, body);
      expect(stored.headers.get("cache-status")).toBe("mynah; hit");
      expect(await stored.json()).toEqual(said);
    },
  );

  it("gives WebVTT by default, and SRT, of the same cues", async () => {
    const gateway = await runGateway();
    const vtt = await postSubtitles(gateway, {});
    expect(vtt.headers.get("content-type")).toBe("text/vtt; charset=utf-8");
    const cues = parseVtt(await vtt.text());
    expect(cues.map(({ lines }) => lines.join(" "))).toEqual([
      "Hello there, dear listener.",
      "This is the second sentence.",
    ]);
    const srt = await postSubtitles(gateway, { subtitle_format: "srt" });
    expect(srt.headers.get("content-type")).toBe("application/x-subrip; charset=utf-8");
    expect(parseSrt(await srt.text())).toEqual(cues);
  });

  it("marks what is estimated", async () => {
    const gateway = await runGateway({}, { engines: [standInEngine()] });
    const response = await postSubtitles(gateway, { voice: "one", subtitle_format: "json" });
    const { words } = (await response.json()) as Words;
    expect(words.length).toBe(9);
    expect(words.every(({ estimated }) => estimated)).toBe(true);
    expect(await (await postSubtitles(gateway, { voice: "one" })).text()).toContain("\nNOTE ");
  });

  it("counts once, and is refused as speech is", async () => {
    const gateway = await runGateway({ rateLimitPerMinute: 2 });
    expect((await postSubtitles(gateway, {})).headers.get("x-ratelimit-remaining-requests")).toBe("1");
    await bytesOf(await postSpeech(gateway, { input: TEXT }));
    const refused = await postSubtitles(gateway, {});
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(await refused.json()).toMatchObject({ error: { code: "rate_limit_exceeded" } });
  });

  it("obeys only-if-cached, and names the field that is wrong", async () => {
    const gateway = await runGateway();
    expect((await postSubtitles(gateway, {}, { "cache-control": "only-if-cached" })).status).toBe(504);
    for (const wrong of [{ subtitle_format: "ass" }, { stream_format: "sse" }, { input: "" }]) {
      const response = await postSubtitles(gateway, wrong);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { param: Object.keys(wrong)[0] } });
    }
  });

  it("fails honestly when the engine dies in the middle", async () => {
    const gateway = await runGateway({}, { engines: [standInEngine({ failAfterBytes: 9_600, chunkMs: 20 })] });
    const response = await postSubtitles(gateway, { voice: "one", response_format: "pcm" });
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ error: { code: "engine_failed" } });
  });

  it("is described in /openapi.json", async () => {
    const gateway = await runGateway();
    const { paths } = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as { paths: Record<string, unknown> };
    expect(JSON.stringify(paths["/v1/speech/subtitles"])).toContain("subtitle_format");
  });
});

describe("mynah say --subtitles", () => {
  const folder = mkdtempSync(join(tmpdir(), "mynah-subtitles-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const bin = fileURLToPath(new URL("../../bin/mynah.mjs", import.meta.url));
  const mynah = (...args: string[]) =>
    promisify(execFile)(process.execPath, [bin, "say", TEXT, ...args], { cwd: folder });
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");

  it("writes them beside the audio, by their ending", async () => {
    await mynah("-o", "a.opus", "--subtitles", "a.srt");
    await mynah("-o", "a.opus", "--subtitles", "a.vtt", "-q");
    expect(parseSrt(read("a.srt"))).toEqual(parseVtt(read("a.vtt")));
    expect(readFileSync(join(folder, "a.opus")).subarray(0, 4).toString()).toBe("OggS");
  });

  it("writes them to stdout, and refuses what cannot be", async () => {
    const { stdout } = await mynah("-o", "b.mp3", "--subtitles", "-", "--subtitles-format", "json");
    expect((JSON.parse(stdout) as Words).words).toHaveLength(9);
    await expect(mynah("-o", "-", "--subtitles", "-")).rejects.toMatchObject({ code: 2 });
    await expect(mynah("-o", "c.mp3", "--subtitles", "c.txt")).rejects.toMatchObject({ code: 2 });
    await expect(mynah("-o", "c.mp3", "--subtitles-format", "srt")).rejects.toMatchObject({ code: 2 });
  });
});
