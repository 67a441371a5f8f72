import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { curlCommand } from "./snippets.ts";

/** What a real shell hands to curl. */
function argumentsOf(command: string): string[] {
  const script = `curl() { for word in "$@"; do printf '%s\\0' "$word"; done; }\n${command}`;
  return execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
}

describe("curlCommand", () => {
  it("survives a shell whatever the text holds", () => {
    const text = `It's "5 $ & 'more'"; \`id\` $(id) \\ %s\nnext line – 好 👋`;
    const words = argumentsOf(
      curlCommand("http://127.0.0.1:8080", { text, voice: "slt", format: "opus", speed: 1.25 }, false),
    );
    expect(words).toContain("http://127.0.0.1:8080/v1/audio/speech");
    expect(words.slice(-2)).toEqual(["-o", "mynah.opus"]);
    expect(JSON.parse(words[words.indexOf("-d") + 1]!)).toEqual({
      model: "tts-1",
      input: text,
      voice: "slt",
      response_format: "opus",
      speed: 1.25,
    });
  });

  it("names the key's variable and leaves the key out", () => {
    expect(curlCommand("http://h", { text: "a", voice: "b" }, true)).toContain(
      `"Authorization: Bearer $MYNAH_API_KEY"`,
    );
    expect(curlCommand("http://h", { text: "a", voice: "b" }, false)).not.toContain("Authorization");
  });
});
