import type { Socket } from "node:net";
import { ResponseReader } from "./response-reader.ts";
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

const MAX_ERROR_BYTES = 4096;
const MAX_PASSED = 1024;

/** `POST /v1/audio/speech` over connections that are kept; a request for which none is free waits in a line. */
export function httpTarget(settings: LoadSettings, maxConnections: number): Target {
  const idle: Connection[] = [];
  const all = new Set<Connection>();
  let line: Request[] = [];
  /** Of the first in `line` that still waits: shifting a long array copies it. */
  let first = 0;
  let closed = false;
  const requestOf = requestWriter(settings);

  const next = (): void => {
    while (first < line.length && !closed) {
      const connection = idle.pop() ?? (all.size < maxConnections ? opened() : undefined);
      if (connection === undefined) return;
      const request = line[first++]!;
      if (first === line.length || first > MAX_PASSED) {
        line = line.slice(first);
        first = 0;
      }
      connection.ask(request, requestOf(request));
    }
  };
  const opened = (): Connection => {
    const connection = new Connection(settings.url, {
      onFree: () => {
        idle.push(connection);
        next();
      },
      onLost: () => {
        all.delete(connection);
        const at = idle.indexOf(connection);
        if (at >= 0) idle.splice(at, 1);
        next();
      },
    });
    all.add(connection);
    return connection;
  };
  const sweep = setInterval(() => {
    const since = performance.now() - settings.timeoutMs;
    for (const connection of all) connection.giveUp(since);
    while (first < line.length && line[first]!.dueAt < since) line[first++]!.done(TIMED_OUT);
  }, SWEEP_MS);

  return {
    send(request) {
      line.push(request);
      next();
    },
    get waiting() {
      return line.length - first;
    },
    close() {
      closed = true;
      clearInterval(sweep);
      for (const { done } of line.splice(0).slice(first)) done(UNFINISHED);
      first = 0;
      for (const connection of all) connection.end(UNFINISHED);
    },
  };
}

function requestWriter({ url, key, voice, model, format, nameUsers }: LoadSettings): (request: Request) => string {
  const head = [
    `POST ${pathOf(url, "/v1/audio/speech")} HTTP/1.1`,
    `host: ${url.host}`,
    "content-type: application/json",
    ...(key === undefined ? [] : [`authorization: Bearer ${key}`]),
  ].join("\r\n");
  return ({ text, user }) => {
    const body = JSON.stringify({
      ...{ model, voice, input: text, response_format: format },
      ...(nameUsers && { user: `load-${user}` }),
    });
    return `${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  };
}

type Events = { readonly onFree: () => void; readonly onLost: () => void };
type Course = {
  readonly request: Request;
  status: number;
  hit: boolean;
  firstAudioAt: number;
  bytes: number;
  error: string;
};

/** One connection, one request at a time. */
class Connection {
  readonly #socket: Socket;
  readonly #events: Events;
  readonly #reader: ResponseReader;
  #course: Course | undefined;
  #lost = false;

  constructor(url: URL, events: Events) {
    this.#events = events;
    this.#socket = openSocket(url);
    this.#reader = new ResponseReader({
      onHead: (status, head) => this.#onHead(status, head),
      onBody: (bytes) => this.#onBody(bytes),
      onEnd: (reusable) => this.#onEnd(reusable),
    });
    this.#socket.on("data", (data: Buffer) => {
      try {
        this.#reader.read(data);
      } catch (error) {
        this.end({ ok: false, code: codeOf(error) });
      }
    });
    this.#socket.on("error", (error) => this.end({ ok: false, code: codeOf(error) }));
    this.#socket.on("close", () => {
      if (!this.#reader.closed()) this.end({ ok: false, code: "connection_closed" });
    });
  }

  ask(request: Request, bytes: string): void {
    this.#course = { request, status: 0, hit: false, firstAudioAt: 0, bytes: 0, error: "" };
    this.#socket.write(bytes);
  }

  /** Ends it if what it does was to start before this. */
  giveUp(since: number): void {
    if (this.#course !== undefined && this.#course.request.dueAt < since) this.end(TIMED_OUT);
  }

  end(answer: Answer): void {
    const course = this.#course;
    this.#course = undefined;
    if (!this.#lost) {
      this.#lost = true;
      this.#socket.destroy();
      this.#events.onLost();
    }
    course?.request.done(answer);
  }

  #onHead(status: number, head: string): void {
    if (this.#course === undefined) return;
    this.#course.status = status;
    this.#course.hit = /\r\ncache-status: *mynah; hit/i.test(head);
  }

  #onBody(bytes: Buffer): void {
    const course = this.#course;
    if (course === undefined) return;
    if (course.bytes === 0) course.firstAudioAt = performance.now();
    course.bytes += bytes.length;
    if (course.status !== 200 && course.error.length < MAX_ERROR_BYTES) course.error += bytes.toString("latin1");
  }

  #onEnd(reusable: boolean): void {
    const course = this.#course;
    const answer = course === undefined ? UNFINISHED : answerOf(course);
    if (course === undefined || !reusable) {
      this.end(answer); // no course: an answer that nobody asked for
      return;
    }
    this.#course = undefined;
    course.request.done(answer);
    this.#events.onFree();
  }
}

function answerOf({ status, error, bytes, hit, firstAudioAt }: Course): Answer {
  if (status !== 200) return { ok: false, code: codeIn(status, error) };
  if (bytes === 0) return { ok: false, code: "empty_answer" };
  return { ok: true, hit, firstAudioAt, endedAt: performance.now(), bytes };
}
