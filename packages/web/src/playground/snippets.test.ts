import { execFile, execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it, onTestFinished } from "vitest";
import { SNIPPETS, type SnippetOptions } from "./snippets.ts";

const NASTY = `It's "5 $ & 'more'"; \`id\` $(id) \\ %s \${x}\nnext line – 好 👋 \u2028`;
const options = { text: NASTY, voice: "slt", format: "opus", speed: 1.25 } as const;
const body = { model: "tts-1", input: NASTY, voice: "slt", response_format: "opus", speed: 1.25 };
const write = (label: string, from: Partial<SnippetOptions> = {}) =>
  SNIPPETS.find((snippet) => snippet.label === label)!.write({
    ...{ origin: "http://127.0.0.1:8080", options, withKey: false },
    ...from,
  });

/** What a real shell hands to curl. */
function argumentsOf(command: string): string[] {
  const script = `curl() { for word in "$@"; do printf '%s\\0' "$word"; done; }\n${command}`;
  return execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
}

describe("the curl command", () => {
  it("survives a shell whatever the text holds", () => {
    const words = argumentsOf(write("curl"));
    expect(words).toContain("http://127.0.0.1:8080/v1/audio/speech");
    expect(words.slice(-2)).toEqual(["-o", "mynah.opus"]);
    expect(JSON.parse(words[words.indexOf("-d") + 1]!)).toEqual(body);
  });
});

describe("the TypeScript program", () => {
  it("asks for the very same with OpenAI's client, our own fields too, and keeps the audio", async () => {
    const asked: unknown[] = [];
    const server = createServer(async (request, response) => {
      asked.push([request.url, JSON.parse(Buffer.concat(await request.toArray()).toString())]);
      response.end("audio");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    // Where the client is installed. Node runs it as JavaScript: there is nothing in it that only TypeScript knows.
    const folder = mkdtempSync(join(import.meta.dirname, "../../../../node_modules/.mynah-snippet-"));
    onTestFinished(() => {
      server.close();
      rmSync(folder, { recursive: true });
    });
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const program = write("TypeScript", { origin, options: { ...options, pitch: 1.2 } });
    writeFileSync(join(folder, "program.mjs"), program);
    await promisify(execFile)(process.execPath, ["program.mjs"], { cwd: folder });
    expect(asked).toEqual([["/v1/audio/speech", { ...body, pitch: 1.2 }]]);
    expect(readFileSync(join(folder, "mynah.opus"), "utf8")).toBe("audio");
  });
});

const hasPython = spawnSync("python3", ["--version"]).status === 0;
if (!hasPython) console.warn("the Python program is not tested: there is no python3");

describe.skipIf(!hasPython)("the Python program", () => {
  it("is Python, and means the very same text", () => {
    const read = [
      "import ast, json, sys",
      "calls = [node for node in ast.walk(ast.parse(sys.stdin.read())) if isinstance(node, ast.Call)]",
      "create = next(call for call in calls if getattr(call.func, 'attr', '') == 'create')",
      "print(json.dumps({word.arg: ast.literal_eval(word.value) for word in create.keywords}))",
    ].join("\n");
    const input = write("Python", { options: { ...options, pitch: 1.2 } });
    const told: unknown = JSON.parse(execFileSync("python3", ["-c", read], { input, encoding: "utf8" }));
    expect(told).toEqual({ ...body, extra_body: { pitch: 1.2 } });
  });
});

describe("every program", () => {
  it("names the key's variable and leaves the key out", () => {
    for (const { label } of SNIPPETS) {
      expect(write(label, { withKey: true }), label).toContain("MYNAH_API_KEY");
      expect(write(label), label).not.toContain("MYNAH_API_KEY");
    }
  });
});
