import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { hashKey } from "../../src/identity/api-key.ts";
import { hasTool, probe } from "../support/audio-decode.ts";
import { bytesOf, runGateway } from "../support/gateway.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const example = (name: string): string => fileURLToPath(new URL(`../../../../examples/${name}`, import.meta.url));
const tools = hasTool("ffprobe");
const KEY = "the-key-of-the-switchboard";

/** What a phone system reads out of call XML: the whole page has to look like this. */
function playUrl(xml: string): URL {
  const page = /^<\?xml version="1.0" encoding="UTF-8"\?>\s<Response>\s+<Play>([^<>]+)<\/Play>\s<\/Response>\s$/.exec(
    xml,
  );
  const text = page?.[1] ?? "";
  expect(text.replaceAll(/&(amp|lt|quot);/g, "")).not.toContain("&");
  return new URL(text.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&amp;", "&"));
}

describe("examples/phone.ts", async () => {
  const engine = standInEngine();
  const keys = [{ hash: hashKey(KEY), user: "switchboard" }];
  const gateway = await runGateway({ keys, signingSecret: "a secret that is long enough" }, { engines: [engine] });
  const run = (key: string, ...args: string[]) =>
    promisify(execFile)(process.execPath, [example("phone.ts"), ...args], {
      env: { ...process.env, MYNAH_URL: gateway.url, MYNAH_KEY: key },
    });

  it("prints call XML whose link a phone system can play", async () => {
    const { stdout } = await run(KEY, 'Gates "A" & <B> are open.');
    const url = playUrl(stdout);
    expect(url.searchParams.get("text")).toBe('Gates "A" & <B> are open.');
    const answer = await fetch(url); // with no key
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "audio/wav"]);
    const audio = await bytesOf(answer);
    expect(answer.headers.get("content-length")).toBe(String(audio.byteLength));
    expect([audio.readUInt16LE(20), audio.readUInt32LE(24), audio.readUInt16LE(34)]).toEqual([7, 8000, 8]);
    expect(audio.readUInt32LE(54)).toBe(audio.byteLength - 58);
    expect((audio.byteLength - 58) / 8000).toBeGreaterThan(0.3);
    if (tools) expect(probe(audio)).toMatchObject({ codec: "pcm_mulaw", sampleRateHz: 8000, channels: 1 });
  });

  it("looks like examples/phone.xml", async () => {
    const { stdout } = await run(KEY);
    const [made, kept] = [playUrl(stdout), playUrl(readFileSync(example("phone.xml"), "utf8"))];
    const sound = (url: URL) => Object.fromEntries([...url.searchParams].filter(([name]) => name !== "token"));
    expect([made.pathname, sound(made)]).toEqual([kept.pathname, sound(kept)]);
    expect([...made.searchParams.keys()]).toEqual([...kept.searchParams.keys()]);
  });

  it("prints no XML without a key that is right, and says why", async () => {
    await expect(run("a-wrong-key-of-nobody")).rejects.toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("no link: "),
    });
  });
});
