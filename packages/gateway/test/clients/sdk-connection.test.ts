import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket as WsWebSocket } from "ws";
import { type ConnectOptions, connect, MynahError, type SpeechSocket } from "../../../client/src/index.ts";
import { type ScriptedServer, scriptedSocketServer } from "../support/scripted-socket-server.ts";

/** So that a test waits no longer than it must. */
const QUICK = { minMs: 5, maxMs: 20, maxAttempts: 4 };

async function serve(options?: Parameters<typeof scriptedSocketServer>[0]): Promise<ScriptedServer> {
  const server = await scriptedSocketServer(options);
  onTestFinished(() => server.stop());
  return server;
}

function open(server: Pick<ScriptedServer, "baseUrl">, options: Partial<ConnectOptions> = {}): SpeechSocket {
  const socket = connect({ baseUrl: server.baseUrl, backoff: QUICK, ...options });
  onTestFinished(() => socket.close());
  return socket;
}

async function bytesOf(audio: AsyncIterable<Uint8Array>): Promise<number[]> {
  const bytes: number[] = [];
  for await (const chunk of audio) bytes.push(...chunk);
  return bytes;
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    (error: unknown) => (error instanceof MynahError ? error.code : String(error)),
  );

describe("connect(): who and where", () => {
  it("sends the key as a header and the token in the URL, asked anew for every connection", async () => {
    const server = await serve();
    let asked = 0;
    open(server, { apiKey: "k", token: async () => `t/${++asked}` });
    const first = await server.connection();
    expect(first.headers).toMatchObject({ authorization: "Bearer k", "sec-websocket-protocol": "mynah.v1" });
    expect(first.url).toBe("/v1/speech/ws?token=t%2F1");
    first.cut();
    expect((await server.connection()).url).toBe("/v1/speech/ws?token=t%2F2");
  });

  it("takes another WebSocket class, and gives it the headers", async () => {
    const server = await serve();
    open(server, { apiKey: "k", WebSocket: WsWebSocket });
    expect((await server.connection()).headers).toMatchObject({ authorization: "Bearer k" });
  });

  it("fails what waits when there is no token, and asks again for the next", async () => {
    const server = await serve();
    let broken = true;
    const token = async () => (broken ? Promise.reject(new Error("token server down")) : "t");
    const socket = open(server, { token });
    const error: unknown = await socket.speak({ text: "Hello." }).done.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "unauthorized", cause: new Error("token server down") });
    broken = false;
    socket.speak({ text: "Hello again." });
    expect(await (await server.connection()).next("speak")).toMatchObject({ text: "Hello again." });
  });

  it("says `unauthorized` when the gateway closes with 4401, and does not hammer it", async () => {
    const server = await serve({ ready: false });
    const socket = open(server);
    const spoken = socket.speak({ text: "Hello." });
    (await server.connection()).close(4401, "this token has expired");
    await expect(spoken.done).rejects.toMatchObject({ code: "unauthorized", message: "this token has expired" });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server.connections).toHaveLength(1);
  });
});

describe("connect(): a lost connection", () => {
  it("fails what was being heard with a retryable error, and sends again what had not begun", async () => {
    const server = await serve();
    const socket = open(server);
    const heard = socket.speak({ text: "One." });
    const silent = socket.speak({ text: "Two.", voice: "nova", words: true });
    const writing = socket.open({ format: "pcm" });
    void writing.append("Thr");
    void writing.append("ee.");
    const first = await server.connection();
    await first.next("append");
    first.start(heard.id, 7);
    first.frame(7, Uint8Array.of(1, 2));
    await heard.started;
    first.cut();

    const second = await server.connection();
    expect(await second.next("speak")).toEqual({
      type: "speak",
      id: silent.id,
      text: "Two.",
      voice: "nova",
      words: true,
    });
    expect(await second.next("append")).toEqual({ type: "append", id: writing.id, text: "Three.", format: "pcm" });
    const error: unknown = await heard.done.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "connection_lost", retryable: true });

    // What had arrived is still given out, and then the error: it was sound.
    const received: number[] = [];
    await expect(
      (async () => {
        for await (const chunk of heard.audio) received.push(...chunk);
      })(),
    ).rejects.toBe(error);
    expect(received).toEqual([1, 2]);

    second.start(silent.id, 1);
    second.frame(1, Uint8Array.of(9));
    second.done(silent.id);
    expect(await bytesOf(silent.audio)).toEqual([9]);
    expect(await silent.done).toMatchObject({ outcome: "done" });
    writing.end();
    expect(await second.next("end")).toEqual({ type: "end", id: writing.id });
  });

  it("gives up after a number of attempts, and begins anew when something is to be said", async () => {
    const server = await scriptedSocketServer();
    const port = Number(new URL(server.baseUrl).port);
    await server.stop();
    const socket = open(server);
    const lost: string[] = [];
    socket.on("lost", ({ code }) => lost.push(code));
    const spoken = socket.speak({ text: "Is anybody there?" });
    await expect(spoken.done).rejects.toMatchObject({ code: "unreachable", retryable: true });
    expect(lost).toEqual(Array(QUICK.maxAttempts).fill("unreachable"));
    const again = await serve({ port });
    socket.speak({ text: "And now?" });
    expect(await (await again.connection()).next("speak")).toMatchObject({ text: "And now?" });
  });

  it("hears of a failure that comes before the first turn of the event loop", async () => {
    const startedAt = performance.now();
    const socket = open({ baseUrl: "http://127.0.0.1:9" }); // a port that fetch and WebSocket refuse without trying
    expect(await codeOf(socket.speak({ text: "Hello." }).done)).toBe("unreachable");
    expect(performance.now() - startedAt).toBeLessThan(8_000); // and not after the timeout of an answer
  });

  it("stays away after an idle close until something is to be said", async () => {
    const server = await serve();
    const socket = open(server);
    const first = await server.connection();
    const lost = new Promise((resolve) => socket.on("lost", resolve));
    first.close(4408, "idle");
    await lost;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server.connections).toHaveLength(1);
    socket.speak({ text: "Hello." });
    expect(await (await server.connection()).next("speak")).toMatchObject({ text: "Hello." });
  });

  it("gives up a connection that says nothing while it owes something, not one whose text is still written", async () => {
    const server = await serve();
    const socket = open(server, { silenceTimeoutMs: 150 });
    const writing = socket.open();
    void writing.append("An unfinished");
    const first = await server.connection();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(server.connections).toHaveLength(1);
    first.start(writing.id, 1);
    await writing.started;
    writing.end();
    expect(await codeOf(writing.done)).toBe("connection_lost");
    await server.connection();
  });

  it("drops a peer that does not speak the protocol", async () => {
    const server = await serve();
    const socket = open(server);
    const spoken = socket.speak({ text: "Hello." });
    const first = await server.connection();
    first.start((await first.next("speak")).id, 1);
    first.raw("<html>");
    await expect(spoken.done).rejects.toMatchObject({ code: "bad_answer" });
    await server.connection();
  });

  it("leaves a server that is stopping, and says on the next one what it had refused", async () => {
    const server = await serve();
    const socket = open(server);
    const running = socket.speak({ text: "Long." });
    const first = await server.connection();
    first.start((await first.next("speak")).id, 1);
    await running.started;
    const refused = socket.speak({ text: "Next." });
    await first.next("speak");
    first.say({ type: "error", id: refused.id, code: "shutting_down", message: "this server is stopping" });
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(server.connections).toHaveLength(1); // what it is saying it may finish
    first.done(running.id);
    expect(await running.done).toMatchObject({ outcome: "done" });
    const second = await server.connection();
    expect(await second.next("speak")).toMatchObject({ text: "Next." });
  });
});

describe("connect(): refusals", () => {
  it("asks again after retryAfterMs when that is soon, and not when it is not", async () => {
    const server = await serve();
    const socket = open(server);
    const soon = socket.speak({ text: "Soon." });
    const connection = await server.connection();
    await connection.next("speak");
    const refusal = { type: "error", code: "overloaded", message: "too much waits" } as const;
    const refusedAt = performance.now();
    connection.say({ ...refusal, id: soon.id, retryAfterMs: 80 });
    const { id } = await connection.next("speak");
    expect(performance.now() - refusedAt).toBeGreaterThanOrEqual(79);
    expect(id).not.toBe(soon.id); // what was on its way for the old one must not end up in the new
    connection.say({ type: "error", id: soon.id, code: "utterance_not_found", message: "late" });
    connection.say({ ...refusal, id, retryAfterMs: 60_000 });
    await expect(soon.done).rejects.toMatchObject({ code: "overloaded", retryAfterMs: 60_000, retryable: true });

    const never = socket.speak({ text: "Never.", retryWithinMs: 0 });
    await connection.next("speak");
    connection.say({ ...refusal, id: never.id, retryAfterMs: 1 });
    expect(await codeOf(never.done)).toBe("overloaded");
  });

  it("keeps to maxUtterances, and sends the next when one is over", async () => {
    const server = await serve({ maxUtterances: 2 });
    const socket = open(server);
    const all = ["a", "b", "c"].map((text) => socket.speak({ text }));
    const connection = await server.connection();
    await connection.next("speak");
    await connection.next("speak");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(connection.messages).toHaveLength(2);
    connection.done(all[0]!.id);
    expect(await connection.next("speak")).toMatchObject({ text: "c" });
  });

  it("an error while it is heard tells what was spoken", async () => {
    const server = await serve();
    const spoken = open(server).speak({ text: "One. Two." });
    const connection = await server.connection();
    await connection.next("speak");
    connection.start(spoken.id, 1);
    connection.say({ type: "error", id: spoken.id, code: "engine_failed", message: "broke off", spokenText: "One." });
    await expect(spoken.done).rejects.toMatchObject({ code: "engine_failed", spokenText: "One.", retryable: true });
  });
});

describe("connect(): cancelling", () => {
  it("ends the audio at once, drops what is on its way, and tells what was spoken", async () => {
    const server = await serve();
    const spoken = open(server).speak({ text: "A long story." });
    const connection = await server.connection();
    await connection.next("speak");
    connection.start(spoken.id, 1);
    connection.frame(1, Uint8Array.of(1));
    await spoken.started;
    const ended = spoken.cancel();
    expect(await bytesOf(spoken.audio)).toEqual([]);
    connection.frame(1, Uint8Array.of(2));
    await connection.next("cancel");
    connection.say({ type: "cancelled", id: spoken.id, spokenText: "A long" });
    expect(await ended).toEqual({ outcome: "cancelled", spokenText: "A long" });
    expect(await spoken.cancel()).toEqual(await spoken.done);
  });

  it("leaving the loop cancels; so does the signal, with its reason", async () => {
    const server = await serve();
    const socket = open(server);
    const left = socket.speak({ text: "One." });
    const connection = await server.connection();
    await connection.next("speak");
    connection.start(left.id, 1);
    connection.frame(1, Uint8Array.of(1));
    for await (const _ of left.audio) break;
    expect(await connection.next("cancel")).toMatchObject({ id: left.id });

    const abort = new AbortController();
    const aborted = socket.speak({ text: "Two.", signal: abort.signal });
    await connection.next("speak");
    const reason = new Error("the user has gone");
    abort.abort(reason);
    await expect(aborted.done).rejects.toBe(reason);
    await expect(bytesOf(aborted.audio)).rejects.toBe(reason);
    expect(await connection.next("cancel")).toMatchObject({ id: aborted.id });
    await expect(socket.speak({ text: "Three.", signal: abort.signal }).done).rejects.toBe(reason);
  });

  it("what waits for a connection is cancelled without one", async () => {
    const server = await serve({ ready: false });
    const socket = open(server);
    const waiting = socket.speak({ text: "One." });
    await socket.cancel();
    expect(await waiting.done).toEqual({ outcome: "cancelled", spokenText: "" });
  });

  it("a reader that is too slow is told so, and the gateway stops", async () => {
    const server = await serve();
    const spoken = open(server, { maxBufferedBytes: 10 }).speak({ text: "Much." });
    const connection = await server.connection();
    await connection.next("speak");
    connection.start(spoken.id, 1);
    connection.frame(1, new Uint8Array(11));
    expect(await codeOf(spoken.done)).toBe("reader_too_slow");
    await connection.next("cancel");
  });

  it("close() fails what is not done, and closes cleanly", async () => {
    const server = await serve();
    const socket = open(server);
    const spoken = socket.speak({ text: "One." });
    await (await server.connection()).next("speak");
    await socket.close();
    expect(await codeOf(spoken.done)).toBe("closed");
    expect(await codeOf(socket.speak({ text: "Two." }).done)).toBe("closed");
    expect(server.connections).toHaveLength(1);
  });
});

describe("stream()", () => {
  it("sends each piece as it comes, pieces of the same moment together, and then the end", async () => {
    const server = await serve();
    const socket = open(server);
    const spoken = socket.stream(["Hel", "", "lo ", "there."], { voice: "nova" });
    const connection = await server.connection();
    await connection.next("end");
    expect(connection.messages).toEqual([
      { type: "append", id: spoken.id, text: "Hello there.", voice: "nova" },
      { type: "end", id: spoken.id },
    ]);

    const slow = socket.open();
    await connection.next("append");
    void slow.append("One");
    expect(await connection.next("append")).toMatchObject({ text: "One" });
    for (const letter of " two. Three.") void slow.append(letter);
    slow.flush();
    await connection.next("flush");
    void slow.append(" Four.");
    slow.end();
    await connection.next("end");
    expect(connection.messages.slice(3)).toEqual([
      { type: "append", id: slow.id, text: " two. Three." },
      { type: "flush", id: slow.id },
      { type: "append", id: slow.id, text: " Four." },
      { type: "end", id: slow.id },
    ]);
  });

  it("leaves the model when the utterance ends, and passes the model's own error on", async () => {
    const server = await serve();
    const socket = open(server);
    let left = false;
    async function* endless() {
      try {
        for (;;) {
          yield "word ";
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      } finally {
        left = true;
      }
    }
    const spoken = socket.stream(endless());
    const connection = await server.connection();
    await connection.next("append");
    void spoken.cancel();
    await connection.next("cancel");
    connection.say({ type: "cancelled", id: spoken.id, spokenText: "" });
    await expect.poll(() => left).toBe(true);

    const failure = new Error("the model is overloaded");
    async function* failing() {
      yield "Well, ";
      throw failure;
    }
    const failed = socket.stream(failing());
    await expect(failed.done).rejects.toBe(failure);
    expect(await connection.next("cancel")).toMatchObject({ id: failed.id });
    expect(await codeOf(socket.stream([]).done)).toBe("text_empty");
  });

  it("does not run ahead of a gateway that cannot be reached", async () => {
    const server = await serve({ ready: false });
    let pulled = 0;
    function* book() {
      for (;;) {
        pulled++;
        yield "x".repeat(1_000);
      }
    }
    const spoken = open(server).stream(book());
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(pulled).toBeGreaterThan(10);
    expect(pulled).toBeLessThan(100);
    await spoken.cancel();
  });
});
