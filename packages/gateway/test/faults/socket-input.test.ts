import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { type RunningGateway, runGateway } from "../support/gateway.ts";
import { connectSocket, type SocketClient } from "../support/socket-client.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

/** What hostile or broken clients send: an error with the id, or a close with a code and a reason; others go on. */
const settings = { voice: "one", format: "pcm" } as const;
const socketsOf = async ({ url }: RunningGateway) =>
  ((await (await fetch(`${url}/v1/stats`)).json()) as { sockets: { open: number; utterances: number } }).sockets;

async function expectUnaffected(client: SocketClient, id: string): Promise<void> {
  client.send({ type: "speak", id, text: "All is well.", ...settings });
  expect(await client.last(id)).toMatchObject({ type: "done" });
}

describe("a socket that is sent nonsense", () => {
  it("answers each message with what is wrong with it, and goes on", async () => {
    const gateway = await runGateway({}, { engines: [standInEngine()] });
    const client = await connectSocket(gateway);
    client.socket.send("not JSON");
    client.socket.send("[1]");
    client.socket.send('{"type":"end","id":"z","id":"y"}');
    client.send({ type: "sing", id: "a" });
    client.send({ id: "b" });
    client.send({ type: "toString", id: "c" });
    client.send({ type: "speak", id: "d", text: "Hi.", loudness: 3 });
    client.send({ type: "speak", id: "e", text: 5 });
    client.send({ type: "speak", id: "f", text: "Hi.", speed: "1" });
    client.send({ type: "speak", id: "g", text: "Hi.", speed: 9 });
    client.send({ type: "speak", id: "h", text: "Hi.", format: "midi" });
    client.send({ type: "speak", id: "i" });
    client.send({ type: "flush", id: "j", text: "no" });
    client.send({ type: "flush", id: "k" });
    client.send({ type: "cancel", id: "never" });
    client.send({ type: "speak", id: "", text: "Hi." });
    client.send({ type: "speak", id: 7, text: "Hi." });
    client.send({ type: "speak", id: "x".repeat(129), text: "Hi." });
    await expectUnaffected(client, "fine");
    const errors = client.messages.flatMap((message) => (message.type === "error" ? [[message.id, message.code]] : []));
    const invalid = "invalid_request";
    expect(errors).toEqual([
      [undefined, "invalid_json"],
      [undefined, invalid],
      [undefined, "invalid_json"],
      ...["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].map((id) => [id, invalid]),
      ["k", "utterance_not_found"],
      ["never", "utterance_not_found"],
      [undefined, invalid],
      [undefined, invalid],
      [undefined, invalid],
    ]);
  });

  it("ends an utterance about which a message makes no sense", async () => {
    const engine = standInEngine({ chunkMs: 20 });
    const gateway = await runGateway({ maxTextChars: 300 }, { engines: [engine] });
    const client = await connectSocket(gateway);
    const long = "Going on and on. ".repeat(10);
    const cases = {
      twice: { type: "speak", id: "twice", text: long },
      late: { type: "append", id: "late", text: "more" },
      settings: { type: "append", id: "settings", text: "more", voice: "two" },
      field: { type: "append", id: "field", text: "more", colour: "red" },
      long: { type: "append", id: "long", text: "x".repeat(200) },
    };
    client.send({ type: "speak", id: "twice", text: long, ...settings });
    for (const id of ["late", "settings", "field", "long"])
      client.send({ type: "append", id, text: long, ...settings });
    client.send({ type: "end", id: "late" });
    for (const message of Object.values(cases)) client.send(message);
    const lasts = await Promise.all(Object.keys(cases).map((id) => client.last(id)));
    expect(lasts.map((last) => last.type === "error" && last.code)).toEqual([
      "invalid_request",
      "invalid_request",
      "invalid_request",
      "invalid_request",
      "text_too_long",
    ]);
    await expect.poll(() => engine.active).toBe(0);
    client.send({ type: "append", id: "long", text: "still on its way" }); // no new utterance
    client.send({ type: "end", id: "long" });
    await expectUnaffected(client, "fine");
    expect(client.messages.filter((message) => message.type === "error")).toHaveLength(5);
  });

  it("runs no more utterances than it may", async () => {
    const gateway = await runGateway({ socketMaxUtterances: 2 }, { engines: [standInEngine({ hang: true })] });
    const client = await connectSocket(gateway);
    for (const id of ["a", "b", "c"]) client.send({ type: "speak", id, text: `${id} hangs.`, ...settings });
    expect(await client.last("c")).toMatchObject({ type: "error", code: "too_many_utterances" });
    client.send({ type: "cancel", id: "a" });
    expect(await client.last("a")).toMatchObject({ type: "cancelled", spokenText: "" });
    client.send({ type: "speak", id: "d", text: "In its place.", ...settings });
    await expect.poll(() => socketsOf(gateway)).toEqual({ open: 1, utterances: 2 });
  });

  it.each<[string, (client: SocketClient) => void, number, RegExp]>([
    ["binary", ({ socket }) => socket.send(Buffer.from('{"type":"end"}')), 1003, /JSON text/],
    ["ten megabytes", ({ socket }) => socket.send("x".repeat(10 << 20)), 1009, /too large/],
    ["bad UTF-8", ({ socket }) => socket.send(Buffer.from([0xff]), { binary: false }), 1007, /UTF-8/],
    [
      "ten thousand cancels",
      (client) => {
        for (let n = 0; n < 10_000; n++) client.send({ type: "cancel", id: `${n}` });
      },
      4429,
      /200 messages a second/,
    ],
  ])("is closed with a code and a reason for %s, and others are not", async (_, misbehave, code, reason) => {
    const gateway = await runGateway({}, { engines: [standInEngine()] });
    const [bad, good] = await Promise.all([connectSocket(gateway), connectSocket(gateway)]);
    misbehave(bad);
    expect(await bad.closed).toEqual({ code, reason: expect.stringMatching(reason) as string });
    await expectUnaffected(good, "fine");
    await expect.poll(() => socketsOf(gateway)).toEqual({ open: 1, utterances: 0 });
  });

  it("answers ten thousand cancels where so many are allowed", async () => {
    const gateway = await runGateway({ socketMessagesPerSecond: 10_000 }, { engines: [standInEngine()] });
    const client = await connectSocket(gateway);
    for (let n = 0; n < 10_000; n++) client.send({ type: "cancel", id: `${n}` });
    await expectUnaffected(client, "fine");
    expect(client.messages.filter((message) => message.type === "error")).toHaveLength(10_000);
  });

  it("lets in so many from one address, and so many in all", async () => {
    const gateway = await runGateway({ socketMaxPerAddress: 3 }, { engines: [standInEngine()] });
    const knocks = await Promise.allSettled(Array.from({ length: 1_000 }, () => connectSocket(gateway)));
    const inside = knocks.flatMap((knock) => (knock.status === "fulfilled" ? [knock.value] : []));
    expect(inside).toHaveLength(3);
    const outside = knocks.find((knock) => knock.status === "rejected");
    expect(String(outside?.reason)).toMatch(/429 .*"too_many_sockets"/);
    await expectUnaffected(inside[0]!, "fine");
    inside[1]!.socket.close();
    await inside[1]!.closed;
    await expect.poll(async () => (await socketsOf(gateway)).open).toBe(2);
    await connectSocket(gateway);
    const full = await runGateway({ socketMax: 1 }, { engines: [standInEngine()] });
    await connectSocket(full);
    await expect(connectSocket(full)).rejects.toThrow(/503 .*"overloaded"/);
  }, 20_000);
});

describe("a socket whose other end", () => {
  it("says nothing is closed", async () => {
    const gateway = await runGateway({ socketIdleTimeoutSeconds: 1 }, { engines: [standInEngine()] });
    const client = await connectSocket(gateway);
    expect(await client.closed).toEqual({ code: 4408, reason: "no message for 1 s" });
  });

  it("answers no ping is gone", async () => {
    const gateway = await runGateway({ socketPingSeconds: 1 }, { engines: [standInEngine()] });
    const alive = await connectSocket(gateway);
    const { port } = gateway;
    const dead = connect(port, "127.0.0.1");
    dead.write(
      `GET /v1/speech/ws HTTP/1.1\r\nhost: t\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${Buffer.alloc(16).toString("base64")}\r\n\r\n`,
    );
    dead.on("error", () => {}).resume();
    await expect.poll(async () => (await socketsOf(gateway)).open).toBe(2);
    await expect.poll(async () => (await socketsOf(gateway)).open, { timeout: 8_000 }).toBe(1);
    await expectUnaffected(alive, "fine");
    dead.destroy();
  }, 15_000);

  it("reads nothing is waited for within a bound, then dropped; memory stays where it is", async () => {
    const engine = standInEngine({ durationMsPerChar: 200 });
    const gateway = await runGateway({ slowReaderTimeoutMs: 1_500 }, { engines: [engine] });
    const [slow, good] = await Promise.all([connectSocket(gateway), connectSocket(gateway)]);
    slow.socket.pause();
    const long = Array.from({ length: 40 }, (_, at) => `Sentence ${at} of a text that is far too long for that.`);
    for (let id = 0; id < 8; id++)
      slow.send({ type: "speak", id: `${id}`, text: `${long.join(` Number ${id}. `)}`, ...settings });
    await expect.poll(() => engine.calls).toBeGreaterThan(8);
    const rssBefore = process.memoryUsage().arrayBuffers;
    await expect.poll(async () => (await socketsOf(gateway)).utterances, { timeout: 10_000 }).toBe(0);
    expect(process.memoryUsage().arrayBuffers - rssBefore).toBeLessThan(100 << 20);
    await expect.poll(async () => (await socketsOf(gateway)).open, { timeout: 10_000 }).toBe(1);
    expect(engine.calls).toBeLessThan(8 * 20); // held back, not run to the end
    await expectUnaffected(good, "fine");
    slow.socket.terminate();
  }, 25_000);
});
