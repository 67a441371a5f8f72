import { pino } from "pino";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ConfigInput } from "../../src/config/config.ts";
import { resolveConfig } from "../../src/config/load.ts";
import { openWyoming } from "../../src/wyoming.ts";
import { runGateway } from "../support/gateway.ts";
import { type StandInOptions, standInEngine } from "../support/stand-in-engine.ts";
import { heard, WyomingClient } from "../support/wyoming-client.ts";

async function rig(options: StandInOptions = {}, config: ConfigInput = {}) {
  const engine = standInEngine(options);
  const gateway = await runGateway({ wyomingPort: 0, breakerFailures: 1_000, ...config }, { engines: [engine] });
  const { port } = gateway.wyoming!;
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    return Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, "m").exec(text)?.[1] ?? 0);
  };
  return { engine, gateway, port, metric, join: () => WyomingClient.connect(port) };
}
const voice = { name: "one" };
/** Each another one, or they would be made once; of 30 characters. */
const sentences = (count: number): string =>
  Array.from({ length: count }, (_, at) =>
    `Sentence ${String(at).padStart(3, "0")} takes a while.`.padEnd(30, "!"),
  ).join(" ");

const shared = await rig();

/** A text in pieces, as it goes over the wire. */
const streamed = (format: string, ...pieces: string[]): string =>
  [
    { type: "synthesize-start", data: { text_format: format } },
    ...pieces.map((text) => ({ type: "synthesize-chunk", data: { text } })),
    { type: "synthesize-stop" },
  ]
    .map((event) => `${JSON.stringify(event)}\n`)
    .join("");

describe("Wyoming, when things go wrong", () => {
  it("tells what is wrong with a request as an error, and ends the connection", async () => {
    const { join, metric } = shared;
    const cases: [string, string | Buffer][] = [
      ["invalid_json", "GET / HTTP/1.1\r\n\r\n"],
      ["invalid_json", "\n"],
      ["invalid_json", Buffer.from([0xff, 0xfe, 10])],
      ["invalid_json", `["describe"]\n`],
      ["invalid_json", `{"type":"synthesize","data_length":4}\n[1]\n`],
      ["invalid_request", `{"data":{}}\n`],
      ["invalid_request", `{"type":"ping","data":[]}\n`],
      ["invalid_request", `{"type":"ping","data_length":-1}\n`],
      ["invalid_request", `{"type":"synthesize"}\n`],
      ["invalid_request", `{"type":"synthesize","data":{"text":7}}\n`],
      ["text_empty", `{"type":"synthesize","data":{"text":"<speak/>","text_format":"ssml"}}\n`],
      ["ssml_invalid", `{"type":"synthesize","data":{"text":"<speak>Hi.","text_format":"ssml"}}\n`],
      ["ssml_invalid", streamed("ssml", "<speak>Hi.</", "speck>")],
      ["invalid_request", `{"type":"synthesize","data":{"text":"Hi.","text_format":"html"}}\n`],
      [
        "invalid_request",
        `{"type":"synthesize-start"}\n{"type":"synthesize","data":{"text":"<speak>Hi.</speak>","text_format":"ssml"}}\n`,
      ],
      ["text_too_long", streamed("ssml", ...Array.from({ length: 4 }, () => " ".repeat(45_000)))],
      ["invalid_request", `{"type":"synthesize","data":{"text":"Hi.","voice":{"name":"one","speaker":"3"}}}\n`],
      ["invalid_request", `{"type":"synthesize-chunk","data":{"text":"Hi."}}\n`],
      ["invalid_request", `{"type":"synthesize-stop"}\n`],
      ["invalid_request", `{"type":"synthesize-start"}\n{"type":"synthesize-start"}\n`],
      ["text_empty", `{"type":"synthesize","data":{"text":"  "}}\n`],
      ["text_empty", `{"type":"synthesize-start"}\n{"type":"synthesize-stop"}\n`],
      ["voice_not_found", `{"type":"synthesize","data":{"text":"Hi.","voice":{"name":"nobody-of-that-name"}}}\n`],
      ["text_too_long", `${JSON.stringify({ type: "synthesize", data: { text: "x".repeat(20_001) } })}\n`],
      ["body_too_large", "x".repeat(300_000)],
      ["body_too_large", `{"type":"synthesize","data_length":300000}\n`],
      ["body_too_large", `{"type":"audio-chunk","payload_length":2000000}\n`],
    ];
    for (const [code, bytes] of cases) {
      const client = await join();
      client.socket.write(bytes);
      const what = bytes.toString().slice(0, 80);
      expect(await client.until("error"), what).toEqual([
        { type: "error", data: { text: expect.any(String) as string, code }, payload: undefined },
      ]);
      expect(await client.read(), what).toBeUndefined();
      client.socket.destroy();
    }
    expect(await metric("mynah_error_answers_total")).toBeGreaterThan(0);
    await expect.poll(() => metric("mynah_wyoming_clients")).toBe(0);
  });

  it("passes over events that are for others, with their sound", async () => {
    const client = await shared.join();
    client.socket.write(
      `{"type":"audio-chunk","data":{"rate":16000},"payload_length":5}\n\n{"a}{"type":"run-pipeline"}\n`,
    );
    const data = Buffer.from(`{"text":"Pièce","voice":{"name":"one"}}`);
    const line = `{"type":"synthesize","data":{"text":"not this"},"data_length":${data.length}}\n`;
    const bytes = Buffer.concat([Buffer.from(line), data]);
    for (const byte of bytes) client.socket.write(Buffer.from([byte])); // however it is cut
    expect(heard(await client.until("audio-stop")).pcm.length).toBe(5 * 20 * 48);
    client.socket.destroy();
  });

  it("breaks off without audio-stop when the engine does, and stores nothing of it", async () => {
    const { engine, join } = await rig({ failAfterBytes: 9_600, chunkMs: 5 });
    const client = await join();
    client.write("synthesize", { text: "This will break in the middle.", voice });
    const events = await client.until("audio-stop");
    expect(heard(events).types).toEqual(["audio-start", "audio-chunk", "error"]);
    expect(events.at(-1)!.data).toMatchObject({ code: "engine_failed" });
    engine.script.failAfterBytes = 0;
    const other = await join();
    other.write("synthesize", { text: "This will not even begin.", voice });
    expect(await other.until("audio-stop")).toMatchObject([
      { type: "error", data: { code: "engines_unavailable", retry_after_ms: expect.any(Number) as number } },
    ]);
  });

  it("refuses by the limits of the address, with the time to wait", async () => {
    const { join, engine } = await rig({}, { rateLimitPerMinute: 2 });
    for (const text of ["One.", "Two."]) {
      const client = await join();
      client.write("synthesize", { text, voice });
      expect(heard(await client.until("audio-stop")).types).toContain("audio-stop");
    }
    for (const streaming of [false, true]) {
      const client = await join();
      if (streaming) {
        client.write("synthesize-start", { voice });
        client.write("synthesize-chunk", { text: "Three." });
        client.write("synthesize-stop");
      } else client.write("synthesize", { text: "Three.", voice });
      const [refusal] = await client.until("error");
      expect(refusal!.data).toMatchObject({ code: "rate_limit_exceeded" });
      expect(refusal!.data.retry_after_ms).toBeGreaterThan(50_000);
    }
    expect(engine.calls).toBe(2);
  });

  it("leaves the engine when the client leaves", async () => {
    const { engine, join, metric } = await rig({ chunkMs: 20 });
    const reading = await join();
    reading.write("synthesize", { text: sentences(100), voice });
    await reading.until("audio-start");
    reading.socket.destroy();
    await expect.poll(() => engine.active, { timeout: 10_000 }).toBe(0);
    expect(engine.calls).toBeLessThan(10);

    engine.script.hang = true;
    const waiting = await join();
    waiting.write("synthesize", { text: "Never said.", voice });
    await expect.poll(() => engine.active).toBe(1);
    waiting.socket.resetAndDestroy();
    await expect.poll(() => engine.active).toBe(0);
    await expect.poll(() => metric("mynah_wyoming_utterances")).toBe(0);
  });

  it("waits for a slow reader, holding little", async () => {
    const { engine, join } = shared;
    engine.script.durationMsPerChar = 200;
    const client = await join();
    client.socket.pause();
    client.write("synthesize", { text: sentences(16), voice }); // of 288 KB each
    const { calls } = engine;
    await expect.poll(() => engine.calls).toBeGreaterThan(calls + 2);
    client.socket.resume();
    expect(heard(await client.until("audio-stop")).pcm.length).toBe(16 * 30 * 200 * 48);
    client.socket.destroy();
  });

  it("cuts off a reader that takes nothing", async () => {
    const { engine, join, metric } = await rig({ durationMsPerChar: 200 }, { slowReaderTimeoutMs: 1_000 });
    const client = await join();
    client.socket.pause();
    client.write("synthesize", { text: sentences(60), voice });
    await expect.poll(() => engine.calls).toBeGreaterThan(0);
    await expect.poll(() => metric("mynah_wyoming_clients"), { timeout: 15_000 }).toBe(0);
    expect(engine.calls).toBeLessThan(50); // what kernels took, and no more
    expect(engine.active).toBe(0);
  });

  it("closes who is silent, and tells who breaks off in the middle of a text", async () => {
    const { join } = await rig({}, { wyomingIdleTimeoutSeconds: 1 });
    const [silent, broken] = await Promise.all([join(), join()]);
    broken.write("synthesize-start", { voice });
    broken.write("synthesize-chunk", { text: "And then" });
    expect(await silent.read()).toBeUndefined();
    expect((await broken.until("error")).at(-1)!.data).toMatchObject({ code: "request_timeout" });
  });

  it("has room for so many clients, and so many texts of each", async () => {
    const { join } = await rig({ hang: true }, { wyomingMaxClients: 2 });
    const [first, second] = await Promise.all([join(), join()]);
    second.write("ping");
    expect(await second.read()).toMatchObject({ type: "pong" });
    const third = await join();
    expect((await third.until("error")).at(-1)!.data).toMatchObject({ code: "overloaded" });
    for (let count = 0; count < 10; count++) first.write("synthesize", { text: `Number ${count}.`, voice });
    expect((await first.until("error")).at(-1)!.data).toMatchObject({ code: "too_many_utterances" });
    await first.closed.catch(() => {});
    await expect
      .poll(async () => {
        const next = await join();
        next.write("ping");
        const answer = await next.read();
        next.socket.destroy();
        return answer?.type;
      })
      .toBe("pong");
  });

  it("answers a hundred at once, each with its own", async () => {
    const { join, engine } = await rig({ durationMsPerChar: 5 });
    const lengths = await Promise.all(
      Array.from({ length: 100 }, async (_, at) => {
        const client = await join();
        client.write("synthesize", { text: "a".repeat(at + 10), voice });
        return heard(await client.until("audio-stop")).pcm.length;
      }),
    );
    expect(lengths).toEqual(lengths.map((_, at) => (at + 10) * 5 * 48));
    expect(engine.calls).toBe(100);
  });
});

describe("a gateway that speaks Wyoming and is told to stop", () => {
  it("finishes what was begun, begins nothing, and closes the idle", async () => {
    const { gateway, port, join } = await rig({ chunkMs: 5 });
    const [busy, idle, writing] = await Promise.all([join(), join(), join()]);
    const text = "This was begun before the end. ".repeat(3);
    busy.write("synthesize", { text, voice });
    await busy.until("audio-start");
    writing.write("synthesize-start", { voice });
    writing.write("synthesize-chunk", { text: "This one. " });
    await writing.until("audio-start");
    const closing = gateway.close({ graceMs: 10_000 });
    expect(await idle.read()).toBeUndefined();
    writing.write("synthesize-chunk", { text: "Goes on." });
    writing.write("synthesize-stop");
    expect(heard(await writing.until("synthesize-stopped")).types.at(-1)).toBe("synthesize-stopped");
    expect(heard(await busy.until("audio-stop")).types).toEqual(["audio-chunk", "audio-stop"]);
    busy.socket.end();
    await closing;
    await expect(WyomingClient.connect(port)).rejects.toThrow("ECONNREFUSED");
  });

  it("tells those who are not done when the time is over", async () => {
    const { gateway, join, engine } = await rig({ hang: true });
    const client = await join();
    client.write("synthesize", { text: "Hangs.", voice });
    await expect.poll(() => engine.active).toBe(1);
    const closing = gateway.close({ graceMs: 100 });
    expect((await client.until("error")).at(-1)!.data).toMatchObject({ code: "shutting_down", retry_after_ms: 1000 });
    await closing;
  });
});

describe("who may speak Wyoming", () => {
  const { speech } = shared.gateway;
  const open = async (config: ConfigInput) => {
    const wyoming = openWyoming(resolveConfig({ wyomingPort: 0, ...config }), speech, pino({ level: "silent" }))!;
    onTestFinished(() => wyoming.close({ graceMs: 0 }));
    const { port } = await wyoming.listen();
    return WyomingClient.connect(port);
  };
  const answerTo = async (client: WyomingClient) => {
    client.write("ping");
    const answer = await client.read();
    client.socket.destroy();
    return answer?.data.code ?? answer?.type;
  };

  it("is said before it is spoken on a network", async () => {
    await expect(open({ wyomingHost: "0.0.0.0" })).rejects.toThrow(/WYOMING_HOST=0.0.0.0 would .* WYOMING_ALLOW/);
    expect(await answerTo(await open({ wyomingHost: "0.0.0.0", allowAnonymous: true }))).toBe("pong");
    const { port } = shared;
    await expect(open({ wyomingPort: port })).rejects.toThrow(`WYOMING_PORT=${port} on 127.0.0.1 is taken`);
    await expect(open({ wyomingHost: "192.0.2.1", allowAnonymous: true })).rejects.toThrow("not an address of this");
  });

  it("may be told by addresses and networks; others get an error", async () => {
    for (const wrong of ["everybody", "10.0.0.0/33", "10.0.0.1,", "10.0.0.0/8/8", "fd00::/x"])
      await expect(open({ wyomingAllow: wrong }), wrong).rejects.toThrow("WYOMING_ALLOW: ");
    const wyomingHost = "0.0.0.0";
    expect(await answerTo(await open({ wyomingHost, wyomingAllow: "10.0.0.0/8, ::1" }))).toBe("forbidden");
    expect(await answerTo(await open({ wyomingHost, wyomingAllow: "fd00::/8, 127.0.0.0/8" }))).toBe("pong");
    expect(await answerTo(await open({ wyomingHost: "::", wyomingAllow: "127.0.0.1" }))).toBe("pong"); // as ::ffff:127.0.0.1
  });

  it("shows in /readyz", async () => {
    const ready = await (await fetch(`${shared.gateway.url}/readyz`)).json();
    expect(ready).toMatchObject({
      parts: { wyoming: { status: "ok", detail: expect.stringContaining("tcp://127.0.0.1:") as string } },
    });
  });
});
