import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { decodeWithFfmpeg, hasTool } from "../support/audio-decode.ts";
import { findChromium, launchBrowser, openPage } from "../support/browser.ts";
import { runGateway } from "../support/gateway.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const EXAMPLES = fileURLToPath(new URL("../../../../examples/", import.meta.url));
const canDecode = hasTool("ffmpeg");
const gateway = await runGateway();
const folder = mkdtempSync(join(tmpdir(), "mynah-examples-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Answer = { type: string; content: string; tts?: Record<string, unknown>; tts_processing_time_ms: number };

function start(command: string, args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(command, args, { cwd: folder, env: { ...process.env, MYNAH_URL: gateway.url, ...env } });
  let output = "";
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data: Buffer) => {
      output += data.toString();
    });
  return { child, ended, output: () => output };
}

async function run(command: string, ...args: string[]): Promise<string> {
  const { ended, output } = start(command, args);
  expect(await ended, output()).toBe(0);
  return output();
}

const node = (script: string, ...args: string[]): Promise<string> =>
  run(process.execPath, join(EXAMPLES, script), ...args);

/** An example that serves; its URL is the first thing it prints. */
async function serve(script: string, env: Record<string, string> = {}) {
  const { child, ended, output } = start(process.execPath, [join(EXAMPLES, script)], { PORT: "0", ...env });
  onTestFinished(async () => {
    child.kill();
    await ended;
  });
  await expect.poll(() => output() + (child.exitCode ?? ""), { timeout: 20_000 }).toMatch(/http:\S+/);
  return { url: /http:\S+/.exec(output())![0], output };
}

function durationMs(file: string, format: "mp3" | "wav"): number {
  return canDecode ? decodeWithFfmpeg(readFileSync(join(folder, file)), format).length / 24 : 1_500;
}

describe("examples", () => {
  it("curl.sh", async () => {
    expect(await run("sh", join(EXAMPLES, "curl.sh"))).toMatch(/voices: .*first: .*fwd=miss.*second: .*mynah; hit/s);
    expect(durationMs("hello.mp3", "mp3")).toBeGreaterThan(1_000);
  });

  it("openai-sdk.ts", async () => {
    expect(await node("openai-sdk.ts")).toMatch(/openai.mp3: \d+ bytes, mynah/);
    expect(durationMs("openai.mp3", "mp3")).toBeGreaterThan(1_000);
  });

  it("node-speak.ts", async () => {
    const output = await node("node-speak.ts", "A text of my own.", "own.mp3");
    expect(output).toMatch(/own.mp3: miss, by flite/);
    expect(output).toMatch(/\d+ ms Let.*streamed.wav: \d+ ms of audio, first after/s);
    expect(durationMs("own.mp3", "mp3")).toBeGreaterThan(700);
    expect(durationMs("streamed.wav", "wav")).toBeGreaterThan(3_000);
  });

  it("node-speak.ts says what is wrong in one line when there is no gateway", async () => {
    const { ended, output } = start(process.execPath, [join(EXAMPLES, "node-speak.ts")], {
      MYNAH_URL: "http://127.0.0.1:9",
    });
    expect(await ended).toBe(1);
    expect(output()).toBe("unreachable: The gateway cannot be reached\n");
  });

  it("websocket.ts", async () => {
    expect(await node("websocket.ts")).toMatch(
      /"type":"ready".*"type":"words".*"type":"done".*websocket.mp3: \d+ bytes/s,
    );
    expect(durationMs("websocket.mp3", "mp3")).toBeGreaterThan(1_500);
  });

  it("ssml.ts", async () => {
    const output = await node("ssml.ts");
    expect(output).toMatch(/^note: line 2, column 18: flite takes no phonemes; the text is spoken as it is written$/m);
    const [price, after] = ["price", "after"].map((name) =>
      Number(new RegExp(`^${name} at (\\d+) ms`, "m").exec(output)![1]),
    );
    expect(price).toBeGreaterThan(2_000);
    expect(after! - price!).toBeGreaterThan(300);
    expect(durationMs("offer.wav", "wav")).toBeGreaterThan(canDecode ? after! + 800 : 0);
    expect(output).toMatch(/^dialogue.mp3: \d+ ms of audio$/m);
    expect(durationMs("dialogue.mp3", "mp3")).toBeGreaterThan(canDecode ? 3_500 : 0);
  });
});

describe("examples/support-chat", () => {
  async function ask(url: string, ...questions: object[]): Promise<Answer[]> {
    const socket = new WebSocket(url.replace("http", "ws"));
    const answers: Answer[] = [];
    socket.on("open", () => {
      for (const question of questions) socket.send(JSON.stringify(question));
    });
    socket.on("message", (data: Buffer) => answers.push(JSON.parse(data.toString()) as Answer));
    await expect.poll(() => answers.length, { timeout: 20_000 }).toBe(questions.length);
    socket.close();
    return answers;
  }

  it("answers with text and audio in one message, the second time from the cache", async () => {
    const { url } = await serve("support-chat/server.ts");
    expect(await (await fetch(url)).text()).toContain("<h1>Support</h1>");
    const question = { type: "chat", content: "How do I reset my password?", user_id: "ann" };
    const [first] = await ask(url, question);
    expect(first).toMatchObject({ type: "chat_response", content: expect.stringContaining("reset your password") });
    expect(first!.tts).toEqual({
      audio_data: expect.any(String),
      format: "mp3",
      duration: expect.any(Number),
      voice_used: "slt",
      engine_used: "flite",
      from_cache: false,
      latency_ms: expect.any(Number),
    });
    // It is stored a moment after its end was told.
    let second: Answer | undefined;
    const askAgain = async (): Promise<unknown> => {
      [second] = await ask(url, question);
      return second!.tts?.from_cache;
    };
    await expect.poll(askAgain).toBe(true);
    expect(second!.tts!.audio_data === first!.tts!.audio_data).toBe(true);
    const audio = Buffer.from(String(first!.tts!.audio_data), "base64");
    if (!canDecode) return;
    const heardMs = decodeWithFfmpeg(audio, "mp3").length / 24;
    expect(Math.abs(heardMs - Number(first!.tts!.duration) * 1000)).toBeLessThan(120);
  });

  it("delivers the text when the voice is refused, and when there is no gateway", async () => {
    const limited = await runGateway({ rateLimitPerMinute: 1, rateLimitPerHour: 9 });
    const { url, output } = await serve("support-chat/server.ts", { MYNAH_URL: limited.url });
    const question = { type: "chat", content: "When are you open?", user_id: "bob" };
    const answers = await ask(url, question, question, { ...question, user_id: "eve" });
    expect(answers.map(({ content }) => content)).toEqual(
      Array(3).fill("We are open from nine to five, Monday to Friday."),
    );
    expect(answers.map(({ tts }) => tts !== undefined)).toEqual([true, false, true]);
    expect(output()).toContain("no voice: rate_limit_exceeded");

    const alone = await serve("support-chat/server.ts", { MYNAH_URL: "http://127.0.0.1:9" });
    const [answer] = await ask(alone.url, question);
    expect(answer).toMatchObject({ content: expect.stringContaining("nine to five") });
    expect(answer!.tts).toBeUndefined();
  });
});

const hasBrowser = findChromium() !== undefined;
if (!hasBrowser) console.warn("examples/llm-voice is not tested: no chromium on PATH (apt-get install chromium)");

describe.skipIf(!hasBrowser)("examples/llm-voice", () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  it("is spoken while the model writes, and stops when it is interrupted", async () => {
    const engine = standInEngine({ words: true, chunkMs: 20, durationMsPerChar: 40 });
    const { url: gatewayUrl } = await runGateway({ voices: { alloy: { "stand-in": "one" } } }, { engines: [engine] });
    const { url, output } = await serve("llm-voice/server.ts", { MYNAH_URL: gatewayUrl, TOKEN_MS: "80" });
    const { page, complaints } = await openPage(browser);
    onTestFinished(() => page.context().close());
    await page.goto(url);
    await page.click("text=Ask");
    await page.waitForFunction(() => document.querySelector("#state")?.textContent === "speaking");
    await page.waitForFunction(() => document.querySelectorAll("#reply .heard").length >= 3);
    // The model is still at it: it takes longer than the first sentence.
    expect(engine.calls).toBeLessThan(4);
    await page.click("#interrupt");
    await page.waitForFunction(() => document.querySelector("#state")?.textContent === "silent");
    const remembered = (await page.textContent("#history li"))!;
    expect(remembered).toMatch(/^Once upon a .*… \(interrupted\)$/);
    expect(remembered).not.toContain("whole village");
    await expect.poll(() => engine.active).toBe(0);
    await expect.poll(output).toContain("the model was interrupted");

    // The next question is barge-in too; and what is not interrupted is heard to its end.
    await page.fill("input", "What about the weather?");
    engine.script.durationMsPerChar = 5;
    await page.click("text=Ask");
    await page.waitForFunction(() => document.querySelectorAll("#history li").length === 2);
    expect(await page.textContent("#history li:last-child")).toMatch(/^It will be sunny .* Take a coat\.?$/);
    expect(complaints).toEqual([]);
  });
});
