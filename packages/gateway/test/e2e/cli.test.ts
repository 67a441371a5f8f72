import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { createTranscoder } from "../../src/audio/transcode.ts";
import type { AudioFormatName } from "../../src/core/audio-format.ts";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { FORMATS } from "../support/speech-rig.ts";

const BIN = fileURLToPath(new URL("../../bin/mynah.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "mynah-cli-"));
const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
});

function start(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: "pipe",
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

async function mynah(args: readonly string[], { env, input }: { env?: Record<string, string>; input?: string } = {}) {
  const child = start(args, env);
  child.stdin!.end(input ?? "");
  const chunks: Buffer[] = [];
  child.stdout!.on("data", (chunk: Buffer) => chunks.push(chunk));
  const [stderr, [code]] = await Promise.all([text(child.stderr!), once(child, "close") as Promise<[number]>]);
  return { code, stderr, stdout: Buffer.concat(chunks) };
}

async function secondsOf(bytes: Uint8Array, format: AudioFormatName): Promise<number> {
  const transcoder = createTranscoder({ workers: 1 });
  const { durationMs } = await transcoder.inspect(bytes, FORMATS[format], { signal: new AbortController().signal });
  await transcoder.close();
  return durationMs / 1000;
}

describe("mynah say", () => {
  it("writes a file in the format of its name, with the right length in its header", async () => {
    const { code, stderr } = await mynah(["say", "One sentence. Then a second one.", "-o", "two.wav"]);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/^two\.wav: \d+\.\d s, \d+ KiB, flite\/slt\n$/),
    });
    const file = readFileSync(join(folder, "two.wav"));
    expect(file.readUInt32LE(40)).toBe(file.byteLength - 44);
    expect(await secondsOf(file, "wav")).toBeGreaterThan(1.5);
  });

  it("pipes audio to stdout and nothing else", async () => {
    const { code, stdout, stderr } = await mynah(["say", "-f", "flac", "-v", "rms"], { input: "Text from a pipe." });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(await secondsOf(stdout, "flac")).toBeGreaterThan(0.8);
  });

  it("speaks SSML from a pipe, its breaks as silence, and notes on stderr what it does not do", async () => {
    const ssml = '<speak>\n  <emphasis>One</emphasis><break time="2s"/> and two.</speak>';
    const { code, stdout, stderr } = await mynah(["say", "--ssml", "-f", "wav"], { input: ssml });
    const notice = "note: line 2, column 3: emphasis is not done; its text is spoken as the rest\n";
    expect({ code, stderr }).toEqual({ code: 0, stderr: notice });
    const seconds = await secondsOf(stdout, "wav");
    expect([seconds > 2.5, seconds < 5]).toEqual([true, true]); // as text it would be far longer
    const shown = await mynah(["say", "--ssml", "--show-text"], { input: ssml });
    expect(shown.stdout.toString()).toBe("One\nand two.\n");
  });

  it("shows what engines would get: cleaned, and with the configuration's pronunciations, those of its language", async () => {
    writeFileSync(
      join(folder, "words.yaml"),
      `pronunciations: [{ find: SQL, say: sequel }, { pattern: '(\\d+)GB', say: "$1 gigabytes" }, { find: Gift, say: poison, language: de }]`,
    );
    const show = ["-c", "words.yaml", "say", "--clean", "--show-text"];
    const shown = await mynah([...show, "**Use** [SQL](https://example.com) with 16GB. 🎉 A Gift!"]);
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout.toString()).toBe("Use sequel with 16 gigabytes.\nA Gift!\n");
  });

  it("speaks faster when told to", async () => {
    const slow = await mynah(["say", "Just as fast as you like it to be.", "-f", "wav"]);
    const fast = await mynah(["say", "Just as fast as you like it to be.", "-f", "wav", "--speed", "2"]);
    const ratio = (await secondsOf(slow.stdout, "wav")) / (await secondsOf(fast.stdout, "wav"));
    expect(ratio).toBeGreaterThan(1.6);
  });

  it.each([
    [["say", ""], 2, /nothing that can be spoken \(text_empty\)/],
    [["say", "Hi", "-v", "nobody"], 2, /no engine has a voice "nobody".*\(voice_not_found\)/],
    [["say", "Hi", "-s", "9"], 2, /--speed must be a number from 0.25 to 4; it is "9"/],
    [["say", "Hi", "-o", "x.midi"], 2, /"midi" is not an audio format here/],
    [["say", "Hi", "-o", "/no/such/folder/x.mp3"], 2, /cannot be written/],
    [["say", "Hi", "-e", "nothing"], 2, /\(model_not_found\)/],
    [
      ["say", "--ssml", "<speak>\n<p>Hi</speak>"],
      2,
      /line 2, column 6: <\/speak> where <\/p> belongs.*\(ssml_invalid\)/,
    ],
    [["sing"], 2, /unknown command|too many arguments/i],
    [["serve", "--port", "http"], 2, /PORT must be a whole number/],
    [["-c", "missing.yaml", "voices"], 2, /missing\.yaml, and there is no such file/],
  ])("%j is refused in one line that says why", async (args, code, message) => {
    const result = await mynah(args);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).not.toContain("    at ");
    expect(result.stdout.byteLength).toBe(0);
  });
});

describe("mynah engines", () => {
  it("has each engine of the configuration say a word", async () => {
    writeFileSync(
      join(folder, "engines.yaml"),
      "engines: [{ name: flite, type: flite }, { name: gone, type: openai-compatible, baseUrl: 'http://127.0.0.1:9/v1', voices: [alloy] }]",
    );
    const { code, stdout } = await mynah(["-c", "engines.yaml", "engines", "--try"]);
    expect(code).toBe(1);
    expect(stdout.toString()).toMatch(/^flite +yes +\d+ ms +slt$/m);
    expect(stdout.toString()).toMatch(/^gone +no +\d+ ms +gone is unreachable$/m);
  });

  it("says what to do when no gateway answers", async () => {
    const { code, stderr } = await mynah(["engines", "--url", "http://127.0.0.1:9"]);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/no gateway answers at http:\/\/127\.0\.0\.1:9;.*--try/)]);
  });

  it("shows how those of a running gateway are doing", async () => {
    const gateway = await runGateway({ engines: [{ name: "flite", type: "flite", costPerMillionChars: 15 }] });
    for (const _ of [1, 2]) await postSpeech(gateway, { input: "Hello there, how are you?" }).then(bytesOf);
    const { stdout } = await mynah(["engines", "--url", gateway.url, "--json"]);
    expect(JSON.parse(stdout.toString())).toEqual([
      expect.objectContaining({
        ...{ name: "flite", state: "closed", successRate: 1, inFlight: 0, queued: 0, calls: 1, failures: {} },
        characters: { spoken: 25, saved: 25 },
        cost: { perMillionChars: 15, spent: 0.000375, saved: 0.000375 },
      }),
    ]);
    const table = await mynah(["engines", "--url", gateway.url]);
    expect(table.stdout.toString()).toMatch(/^flite +closed +100.0 % +\d+ ms +\d+ ms +0 +0 +1 +- +0.00 +0.00$/m);
  });
});

describe("mynah voices", () => {
  it("lists them as a table and as JSON", async () => {
    const table = await mynah(["voices", "-e", "flite"]);
    expect(table.stdout.toString()).toMatch(/^VOICE\s+LANGUAGE\s+GENDER\s+ENGINE\s+NAME\nslt\s+en-US\s+female\s+flite/);
    const json = JSON.parse((await mynah(["voices", "-e", "flite", "--json"])).stdout.toString()) as unknown[];
    expect(json).toHaveLength(5);
  });

  it("helps", async () => {
    const { code, stdout } = await mynah(["--help"]);
    expect(code).toBe(0);
    for (const command of ["serve", "say", "voices"]) expect(stdout.toString()).toContain(command);
  });
});

describe("mynah serve", () => {
  /** Starts it on a free port and waits for its first lines. */
  async function serve(env: Record<string, string> = {}) {
    const child = start(["serve", "--port", "0"], env);
    let out = "";
    child.stdout!.on("data", (chunk: Buffer) => {
      out += chunk.toString();
    });
    await expect.poll(() => out, { timeout: 15_000 }).toContain("Limits");
    const [, url] = /API\s+(http:\S+)\/v1/.exec(out)!;
    return { child, url: url!, out: () => out };
  }

  const speak = (url: string, input: string, format = "pcm") =>
    fetch(`${url}/v1/audio/speech`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "auto", voice: "alloy", input, response_format: format }),
    });

  it("tells where it is, what it found and what could be switched on; reports names it does not know", async () => {
    const { child, out } = await serve({ CACHE_TLL: "5" });
    expect(out()).toMatch(/Page\s+http:\/\/127\.0\.0\.1:\d+\//);
    expect(out()).toMatch(/Engines\s+flite \(5 voices, en\)/);
    expect(out()).toMatch(/Cache\s+memory, 64 MiB/);
    expect(out()).toContain("REDIS_URL=redis://127.0.0.1:6379");
    expect(out()).toContain("did you mean CACHE_TTL?");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it("on SIGTERM finishes what it is saying, refuses what is new, and exits with 0", async () => {
    const { child, url } = await serve();
    const long = Array.from({ length: 12 }, (_, at) => `This is sentence number ${at} of a long answer.`).join(" ");
    const response = await speak(url, long);
    const reader = response.body!.getReader();
    await reader.read();
    child.kill("SIGTERM");
    await sleep(100);
    // A kept connection may still be told so; a new one finds nobody.
    const late = await speak(url, "Too late.")
      .then(({ status }) => status)
      .catch(() => "nobody there");
    expect([503, "nobody there"]).toContain(late);
    let bytes = 0;
    for (let next = await reader.read(); !next.done; next = await reader.read()) bytes += next.value.byteLength;
    expect(bytes / 48_000).toBeGreaterThan(15);
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it("on SIGTERM does not wait for ever for a client that takes nothing", async () => {
    const { child, url } = await serve({ SHUTDOWN_GRACE_MS: "300" });
    const response = await speak(url, Array.from({ length: 40 }, (_, at) => `Sentence ${at} of many.`).join(" "));
    await response.body!.getReader().read();
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it("goes on when nobody reads its log any more", async () => {
    const { child, url } = await serve();
    child.stdout!.destroy();
    for (let n = 0; n < 3; n++) {
      expect((await speak(url, `Sentence ${n} is logged to nobody.`)).status).toBe(200);
      await sleep(150); // lines are held for a tenth of a second
    }
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it("says in one line that its port is taken", async () => {
    const blocker = createServer().listen(0, "127.0.0.1");
    await once(blocker, "listening");
    const { port } = blocker.address() as { port: number };
    const { code, stderr } = await mynah(["serve", "--port", String(port)]);
    expect(code).toBe(2);
    expect(stderr).toBe(
      `mynah: port ${port} on 127.0.0.1 is taken; set PORT to another one, or stop what listens there\n`,
    );
    blocker.close();
  });

  it("stops for a config file it does not understand, naming the field", async () => {
    writeFileSync(join(folder, "wrong.yaml"), "engines:\n  - { name: k, type: openai-compatible, baseUrl: 5 }\n");
    const { code, stderr } = await mynah(["serve", "-c", "wrong.yaml"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^mynah: wrong\.yaml: engine "k": baseUrl: .+\n$/);
  });
});
