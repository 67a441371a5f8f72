import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { ServiceSocket, SocketClosed } from "./service-socket.ts";

describe("ServiceSocket", () => {
  let server: WebSocketServer;
  let url: string;
  beforeEach(async () => {
    server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: true });
    await once(server, "listening");
    url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    for (const client of server.clients) client.terminate();
    await new Promise((done) => server.close(done));
  });
  async function connected(): Promise<{ ours: ServiceSocket; theirs: WebSocket; gate: AbortController }> {
    const gate = new AbortController();
    const accepted = once(server, "connection") as Promise<[WebSocket]>;
    const ours = new ServiceSocket(url, { headers: {}, signal: gate.signal });
    await ours.opened();
    return { ours, theirs: (await accepted)[0], gate };
  }

  it("takes nothing more from the network while nobody reads, and loses nothing", async () => {
    const { ours, theirs } = await connected();
    const piece = Buffer.alloc(64 * 1024, 7);
    let sent = 0;
    for (; theirs.bufferedAmount < 4 << 20; sent++) theirs.send(piece, { compress: false });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(theirs.bufferedAmount).toBeGreaterThan(1 << 20); // it waits at the sender
    let got = 0;
    for await (const message of ours.messages()) {
      expect(message.length).toBe(piece.length);
      if (++got === sent) break;
    }
    ours.close();
    await ours.closed;
  });
  it("does not take a message that is too long, also when it comes compressed", async () => {
    const { ours, theirs } = await connected();
    theirs.send(Buffer.alloc((1 << 20) + 1), { compress: true });
    await expect(ours.messages().next()).rejects.toThrow(/max payload|size/i);
    await ours.closed;
  });
  it("gives what came before the close, then says how it was closed", async () => {
    const { ours, theirs } = await connected();
    theirs.send("one");
    theirs.close(1007, "no such voice");
    const messages = ours.messages();
    expect(await messages.next()).toEqual({ done: false, value: "one" });
    const error = await messages.next().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SocketClosed);
    expect(error).toMatchObject({ code: 1007 });
    await ours.closed;
  });
  it("is gone at once when its signal aborts, and after a second when the other side does not say goodbye", async () => {
    const { ours, theirs, gate } = await connected();
    theirs.send("unread");
    const left = once(theirs, "close");
    gate.abort("any reason");
    await expect(ours.messages().next()).rejects.toBe("any reason");
    await Promise.all([left, ours.closed]);

    const silent = await connected();
    silent.theirs.pause();
    silent.ours.close();
    await silent.ours.closed;
  });
  it("says that nobody listens", async () => {
    const ours = new ServiceSocket("ws://127.0.0.1:1", { headers: {}, signal: new AbortController().signal });
    await expect(ours.opened()).rejects.toThrow(/ECONNREFUSED/);
    await ours.closed;
  });
});
