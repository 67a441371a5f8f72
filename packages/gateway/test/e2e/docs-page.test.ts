import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningGateway, runGateway } from "../support/gateway.ts";

const run = promisify(execFile);
const ADMIN_KEY = "of-the-administrator";
const unescaped = (html: string): string =>
  html.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");

describe("GET /docs", () => {
  let gateway: RunningGateway;
  let page: string;
  const folder = mkdtempSync(join(tmpdir(), "mynah-docs-"));
  beforeAll(async () => {
    gateway = await runGateway({ adminKey: ADMIN_KEY, allowAnonymous: true });
    page = await (await fetch(`${gateway.url}/docs`)).text();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("tells of every route of the description, and of every field of the main one", async () => {
    const api = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as {
      paths: Record<
        string,
        Record<string, { requestBody?: { content: Record<string, { schema: { properties: object } }> } }>
      >;
    };
    const routes = Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((m) => `${m} ${path}`),
    );
    expect(page.match(/<article /g)).toHaveLength(routes.length);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id!);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
    const [article = ""] = /<article id="post-v1-audio-speech">.*?<\/article>/s.exec(page) ?? [];
    const { properties } = api.paths["/v1/audio/speech"]!.post!.requestBody!.content["application/json"]!.schema;
    for (const field of Object.keys(properties)) expect(article).toContain(`<code>${field}</code>`);
  });

  it("runs nothing, loads nothing from elsewhere, and says when it has not changed", async () => {
    const response = await fetch(`${gateway.url}/docs`);
    expect(response.headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'self';/);
    expect(page).not.toMatch(/<script|\sstyle=|\son\w+=|href="https?:|src=/);
    const again = await fetch(`${gateway.url}/docs`, { headers: { "if-none-match": response.headers.get("etag")! } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    const style = await fetch(`${gateway.url}/docs/docs.css`);
    expect(style.headers.get("content-type")).toBe("text/css; charset=utf-8");
  });

  it("shows commands that work as they stand", async () => {
    const commands = [...page.matchAll(/<pre tabindex="0"><code>(curl .*?)<\/code><\/pre>/gs)].map(([, one]) =>
      unescaped(one!),
    );
    // What streams for as long as somebody listens would not end by itself; vendors' bodies are proven by their own clients.
    const ending = commands.filter((command) => !/\/v1\/stats\/stream|\/tts\/|\/text-to-speech\/|token/.test(command));
    const answered = await Promise.all(
      ending.map(async (command, at) => {
        const here = command
          .replace("http://127.0.0.1:8080", gateway.url)
          .replace("speech.mp3", join(folder, `${at}.mp3`));
        const env = { PATH: process.env.PATH, ADMIN_KEY };
        const { stdout } = await run("sh", ["-c", `${here} -s -w '\n%{http_code}'`], { env });
        return [command.split("\n", 1)[0]!, Number(stdout.split("\n").at(-1))] as const;
      }),
    );
    // Of a job or key that is not there, and of what wants Redis, the honest answer is another one.
    const expected = (command: string): RegExp =>
      /\/ID'| POST .*\/admin\/keys'/.test(command) ? /^(400|404|409|503)$/ : /^2\d\d$/;
    expect(answered.filter(([command, status]) => !expected(command).test(String(status)))).toEqual([]);
    expect(answered.length).toBeGreaterThan(20);
  });
});
