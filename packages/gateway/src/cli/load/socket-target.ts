import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { clientFrame, type Frame, FrameReader } from "./frame-reader.ts";
import {
  type Answer,
  codeIn,
  codeOf,
  type LoadSettings,
  openSocket,
  pathOf,
  type Request,
  SWEEP_MS,
  type Target,
  TIMED_OUT,
  UNFINISHED,
} from "./target.ts";

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const MAX_HEAD_BYTES = 16 * 1024;

/** `/v1/speech/ws`: each user has a socket, opened with its first request, and asks on it whenever it is time. */
export function socketTarget(settings: LoadSettings): Target {
  const sockets = new Map<number, UserSocket>();
  const sweep = setInterval(() => {
    const since = performance.now() - settings.timeoutMs;
    for (const socket of sockets.values()) socket.giveUp(since);
  }, SWEEP_MS);
  return {
    send(request) {
      let socket = sockets.get(request.user);
      if (socket === undefined || socket.lost) {
        socket = new UserSocket(settings);
        sockets.set(request.user, socket);
      }
      socket.ask(request);
    },
    get waiting() {
      let waiting = 0;
      for (const socket of sockets.values()) waiting += socket.waiting;
      return waiting;
    },
    close() {
      clearInterval(sweep);
      for (const socket of sockets.values()) socket.end(UNFINISHED);
    },
  };
}

type Course = { readonly request: Request; stream: number; firstAudioAt: number; bytes: number };
type ServerMessage = { type?: string; id?: string; stream?: number; fromCache?: boolean; code?: string };

/** One user's socket: any number of utterances under way. */
class UserSocket {
  readonly #settings: LoadSettings;
  readonly #socket: Socket;
  readonly #frames: FrameReader;
  readonly #courses = new Map<string, Course>();
  readonly #byStream = new Map<number, Course>();
  #unsent: string[] = [];
  #head: Buffer | undefined = Buffer.alloc(0);
  #asked = 0;
  lost = false;

  constructor(settings: LoadSettings) {
    this.#settings = settings;
    this.#frames = new FrameReader((frame) => this.#onFrame(frame));
    const { url, key } = settings;
    this.#socket = openSocket(url);
    this.#socket.write(
      [
        `GET ${pathOf(url, "/v1/speech/ws")} HTTP/1.1`,
        `host: ${url.host}`,
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        `sec-websocket-key: ${randomBytes(16).toString("base64")}`,
        "sec-websocket-protocol: mynah.v1",
        ...(key === undefined ? [] : [`authorization: Bearer ${key}`]),
        "\r\n",
      ].join("\r\n"),
    );
    this.#socket.on("data", (data: Buffer) => {
      try {
        if (this.#head === undefined) this.#frames.read(data);
        else this.#onHead(Buffer.concat([this.#head, data]));
      } catch (error) {
        this.end({ ok: false, code: codeOf(error) });
      }
    });
    this.#socket.on("error", (error) => this.end({ ok: false, code: codeOf(error) }));
    this.#socket.on("close", () => this.end({ ok: false, code: "connection_closed" }));
  }

  get waiting(): number {
    return this.#unsent.length;
  }

  ask(request: Request): void {
    const id = String(this.#asked++);
    this.#courses.set(id, { request, stream: -1, firstAudioAt: 0, bytes: 0 });
    const { voice, model, format, nameUsers } = this.#settings;
    const message = JSON.stringify({
      ...{ type: "speak", id, text: request.text, voice, model, format },
      ...(nameUsers && { user: `load-${request.user}` }),
    });
    if (this.#head === undefined) this.#send(message);
    else this.#unsent.push(message);
  }

  /** What was to start before this ends; the socket stays. */
  giveUp(since: number): void {
    for (const [id, { request }] of this.#courses) if (request.dueAt < since) this.#settle(id, TIMED_OUT);
  }

  end(answer: Answer): void {
    if (this.lost) return;
    this.lost = true;
    this.#socket.destroy();
    for (const id of [...this.#courses.keys()]) this.#settle(id, answer);
  }

  #send(message: string): void {
    this.#socket.write(clientFrame(TEXT, Buffer.from(message)));
  }

  #onHead(head: Buffer): void {
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) {
      if (head.length > MAX_HEAD_BYTES) throw new RangeError("no HTTP answer");
      this.#head = head;
      return;
    }
    const text = head.toString("latin1");
    if (!text.startsWith("HTTP/1.1 101")) {
      this.end({ ok: false, code: codeIn(Number(text.slice(9, 12)), text) });
      return;
    }
    this.#head = undefined;
    for (const message of this.#unsent.splice(0)) this.#send(message);
    if (head.length > end + 4) this.#frames.read(head.subarray(end + 4));
  }

  #onFrame({ opcode, payload }: Frame): void {
    if (opcode === BINARY) this.#onAudio(payload);
    else if (opcode === TEXT) this.#onMessage(JSON.parse(payload.toString("utf8")) as ServerMessage);
    else if (opcode === PING) this.#socket.write(clientFrame(PONG, payload));
    else if (opcode === CLOSE)
      this.end({ ok: false, code: payload.length >= 2 ? `closed_${payload.readUInt16BE(0)}` : "connection_closed" });
  }

  #onAudio(payload: Buffer): void {
    const course = this.#byStream.get(payload.readUInt32BE(0));
    if (course === undefined) return;
    if (course.bytes === 0) course.firstAudioAt = performance.now();
    course.bytes += payload.length - 4;
  }

  #onMessage({ type, id = "", stream, fromCache, code }: ServerMessage): void {
    const course = this.#courses.get(id);
    if (course === undefined) return;
    if (type === "started" && stream !== undefined) {
      course.stream = stream;
      this.#byStream.set(stream, course);
    } else if (type === "error") this.#settle(id, { ok: false, code: code ?? "error" });
    else if (type === "done") {
      const { bytes, firstAudioAt } = course;
      const whole: Answer = { ok: true, hit: fromCache === true, firstAudioAt, endedAt: performance.now(), bytes };
      this.#settle(id, bytes > 0 ? whole : { ok: false, code: "empty_answer" });
    }
  }

  #settle(id: string, answer: Answer): void {
    const course = this.#courses.get(id);
    if (course === undefined) return;
    this.#courses.delete(id);
    this.#byStream.delete(course.stream);
    course.request.done(answer);
  }
}
