import { type AddressInfo, createServer } from "node:net";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { speakWith } from "../../../test/conformance/speech-engine.ts";
import { wyomingStandIn } from "../../../test/support/stand-ins/wyoming.ts";
import { EventStream, type ReceivedEvent } from "./event-stream.ts";
import { wyomingEngine } from "./wyoming-engine.ts";

const server = await wyomingStandIn();
afterAll(() => server.close());
const { signal } = new AbortController();
const LESSAC = "en_US-lessac-medium";

/** As `event_to_bytes` of the reference library (OHF-Voice/wyoming, event.py) writes them, and as its first version did. */
const FRAMES: readonly (readonly [string, Omit<ReceivedEvent, "payload">, string])[] = [
  ['{"type": "audio-stop", "version": "1.8.0"}\n', { type: "audio-stop", data: {} }, ""],
  [
    '{"type": "audio-chunk", "version": "1.8.0", "data_length": 42, "payload_length": 4}\n{"rate": 22050, "width": 2, "channels": 1}ab\n{',
    { type: "audio-chunk", data: { rate: 22_050, width: 2, channels: 1 } },
    "ab\n{",
  ],
  ['{"type": "audio-start", "data": {"rate": 16000}}\n', { type: "audio-start", data: { rate: 16_000 } }, ""],
  [
    '{"type": "info", "data": {"a": 1, "b": 1}, "data_length": 19, "payload_length": null}\n{"b": 2, "c": "é"}',
    { type: "info", data: { a: 1, b: 2, c: "é" } },
    "",
  ],
];

describe("EventStream", () => {
  it("reads both forms of the reference's events, however they are cut", () => {
    const bytes = new TextEncoder().encode(FRAMES.map(([frame]) => frame).join(""));
    fc.assert(
      fc.property(fc.array(fc.nat(40)), (cuts) => {
        const stream = new EventStream();
        const found: ReceivedEvent[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          found.push(...stream.push(bytes.subarray(at, at + cut)));
          at += cut;
        }
        const read = found.map((each) => ({ ...each, payload: Buffer.from(each.payload).toString() }));
        expect(read).toEqual(FRAMES.map(([, each, payload]) => ({ ...each, payload })));
      }),
    );
  });

  it.each([
    "HTTP/1.1 400 Bad Request\n",
    '{"type": 1}\n',
    '{"type": "a", "data_length": -1}\n',
    '{"type": "a", "payload_length": 9e9}\n',
    "[]\n",
  ])("throws for %j", (text) => {
    expect(() => [...new EventStream().push(new TextEncoder().encode(text))]).toThrow();
  });
});

describe("wyomingEngine()", () => {
  const engine = wyomingEngine({ name: "w", uri: server.url });

  it("lists the installed voices, each speaker of its own, and asks for them by name", async () => {
    expect(await engine.voices({ signal })).toEqual([
      { id: LESSAC, name: "lessac (medium)", language: "en-US", engine: "w" },
      { id: "en_GB-vctk-medium#p239", name: "p239", language: "en-GB", engine: "w" },
      { id: "en_GB-vctk-medium#p236", name: "p236", language: "en-GB", engine: "w" },
    ]);
    await speakWith(engine, { voice: "en_GB-vctk-medium#p236", text: "Grüße\n{}" });
    expect(server.asked.at(-1)).toEqual({ text: "Grüße\n{}", voice: { name: "en_GB-vctk-medium", speaker: "p236" } });
  });

  it("understands data within the line, too", async () => {
    const usual = await speakWith(engine, { voice: LESSAC });
    server.inline = true;
    const older = wyomingEngine({ name: "w", uri: server.url });
    expect(Buffer.compare((await speakWith(older, { voice: LESSAC })).audio, usual.audio)).toBe(0);
    server.inline = false;
  });

  it("says which rate to set, and what a server that is none did", async () => {
    const slow = wyomingEngine({ name: "w", uri: server.url, sampleRateHz: 16_000 });
    await expect(speakWith(slow, { voice: LESSAC })).rejects.toMatchObject({
      ...{ code: "engine_failed", message: expect.stringContaining("set sampleRateHz: 22050") },
    });
    const web = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")).listen(0, "127.0.0.1");
    await new Promise((listening) => web.once("listening", listening));
    const lost = wyomingEngine({ name: "w", uri: `tcp://127.0.0.1:${(web.address() as AddressInfo).port}` });
    await expect(lost.voices({ signal })).rejects.toMatchObject({
      code: "engine_failed",
      message: /no Wyoming server/,
    });
    web.close();
  });

  it("passes on by its code what the server says went wrong", async () => {
    await server.fault({ kind: "status", status: 7 });
    const speaking = speakWith(engine, { voice: LESSAC });
    await expect(speaking).rejects.toMatchObject({ code: "engine_failed", message: "w failed (error-7)" });
    await server.fault(undefined);
  });
});
