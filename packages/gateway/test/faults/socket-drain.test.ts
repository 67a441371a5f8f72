import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { gatewayOn } from "../support/gateway-on-redis.ts";
import { connectSocket } from "../support/socket-client.ts";
import { standInEngine } from "../support/stand-in-engine.ts";
import { redisServer } from "../support/store-on-redis.ts";

const BIN = fileURLToPath(new URL("../../bin/mynah.mjs", import.meta.url));
const settings = { voice: "one", format: "pcm" } as const;
const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
});

async function serve(env: Record<string, string> = {}): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [BIN, "serve", "--port", "0"], {
    cwd: mkdtempSync(join(tmpdir(), "mynah-socket-")),
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  await expect.poll(() => out, { timeout: 15_000 }).toContain("Limits");
  return { child, url: /API\s+(http:\S+)\/v1/.exec(out)![1]! };
}

describe("sockets of a server that is told to stop", () => {
  it("finish what they are saying, begin nothing, and close with a reason; the process ends with 0", async () => {
    const { child, url } = await serve();
    const [busy, idle] = await Promise.all([connectSocket({ url }), connectSocket({ url })]);
    const exit = once(child, "exit");
    busy.send({ type: "append", id: "a", text: "This was begun before. ", format: "pcm" });
    await busy.audible("a");
    child.kill("SIGTERM");
    expect(await idle.closed).toMatchObject({ code: 1001, reason: expect.stringContaining("stopping") as string });
    busy.send({ type: "speak", id: "b", text: "Too late." });
    expect(await busy.last("b")).toMatchObject({ type: "error", code: "shutting_down" });
    busy.send({ type: "append", id: "a", text: "And this still belongs to it." });
    busy.send({ type: "end", id: "a" });
    expect(await busy.last("a")).toMatchObject({ type: "done" });
    expect(busy.heard("a").audio.length).toBeGreaterThan(48_000);
    expect(await busy.closed).toMatchObject({ code: 1001 });
    expect(await exit).toEqual([0, null]);
  }, 30_000);

  it("tell what was said when the deadline comes, and wait for nobody who does not close", async () => {
    const { child, url } = await serve({ SHUTDOWN_GRACE_MS: "300", SOCKET_TEXT_PAUSE_MS: "60000" });
    const [open, deaf] = await Promise.all([connectSocket({ url }), connectSocket({ url })]);
    open.send({ type: "append", id: "a", text: "This was said. Never", format: "pcm" });
    await open.audible("a");
    deaf.socket.pause();
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    expect(await open.last("a")).toMatchObject({ type: "error", code: "shutting_down", spokenText: "This was said." });
    expect(await open.closed).toMatchObject({ code: 1001 });
    expect(await exit).toEqual([0, null]);
    deaf.socket.terminate();
  }, 30_000);

  it("refuse new ones in HTTP's words", async () => {
    const engine = standInEngine({ hang: true });
    const gateway = await runGateway({}, { engines: [engine] });
    const client = await connectSocket(gateway);
    client.send({ type: "speak", id: "a", text: "Hangs.", ...settings });
    await expect.poll(() => engine.active).toBe(1);
    const closing = gateway.close({ graceMs: 200 });
    await expect(connectSocket(gateway)).rejects.toThrow();
    expect(await client.last("a")).toMatchObject({ type: "error", code: "shutting_down" });
    await closing;
  });
});

describe("a socket whose gateway loses Redis", () => {
  it("goes on speaking, also in the middle of a text", async () => {
    const server = await redisServer();
    const gateway = await gatewayOn(server.url, { rateLimitPerMinute: 100 });
    const client = await connectSocket(gateway);
    client.send({ type: "append", id: "a", text: "Said with Redis. T", ...settings });
    await client.audible("a");
    await server.kill();
    client.send({ type: "append", id: "a", text: "his without." });
    client.send({ type: "end", id: "a" });
    expect(await client.last("a")).toMatchObject({ type: "done" });
    const whole = await postSpeech(gateway, {
      input: "Said with Redis. This without.",
      voice: "one",
      response_format: "pcm",
    });
    expect(client.heard("a").audio.equals(await bytesOf(whole))).toBe(true);
  });
});

describe("requests to a server that is stopping, by connections that were open before", () => {
  /** What is answered to a request whose first line was sent before the stop, and its end after it. */
  async function halfSent(port: number, line: string) {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.write(`${line}\r\nhost: mynah\r\ncontent-type: application/json\r\n`);
    await once(socket, "connect");
    return async (body = "") => {
      socket.write(`content-length: ${body.length}\r\n\r\n${body}`);
      const chunks: Buffer[] = [];
      for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    };
  }

  it("are refused in our own words, and told when to come again; who asks how it is hears that it stops", async () => {
    const gateway = await runGateway({}, { engines: [standInEngine()] });
    const [speech, ready] = await Promise.all([
      halfSent(gateway.port, "POST /v1/audio/speech HTTP/1.1"),
      halfSent(gateway.port, "GET /readyz HTTP/1.1"),
    ]);
    await fetch(`${gateway.url}/healthz`); // the two before it have been read by then
    const closed = gateway.close({ graceMs: 10_000 });
    await expect.poll(() => fetch(gateway.url).catch(() => "refused")).toBe("refused");
    const refusal = await speech('{"model":"tts-1","voice":"one","input":"Too late."}');
    expect(refusal).toMatch(/^HTTP\/1.1 503 /);
    expect(refusal).toContain('"code":"shutting_down"');
    expect(refusal).toMatch(/\r\nretry-after: 1\r\n/i);
    expect(refusal).toMatch(/\r\nconnection: close\r\n/i);
    expect(await ready()).toContain('"status":"stopping"');
    await closed;
  });
});
