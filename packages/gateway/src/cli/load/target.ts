import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { AudioFormatName } from "../../core/audio-format.ts";

/** What is said to the gateway again and again. */
export type LoadSettings = {
  readonly url: URL;
  readonly key?: string;
  readonly voice: string;
  readonly model: string;
  readonly format: AudioFormatName;
  /** Sends each user's name, so that limits count for each. */
  readonly nameUsers: boolean;
  readonly timeoutMs: number;
};

/** How a request ended, on the clock of `performance.now()`. */
export type Answer =
  | {
      readonly ok: true;
      readonly hit: boolean;
      readonly firstAudioAt: number;
      readonly endedAt: number;
      readonly bytes: number;
    }
  | { readonly ok: false; readonly code: string };

export type Request = {
  readonly user: number;
  readonly text: string;
  /** When it was to start: its deadline counts from here. */
  readonly dueAt: number;
  readonly done: (answer: Answer) => void;
};

/** Whoever requests are sent to, in one way or another. */
export type Target = {
  send(request: Request): void;
  /** Requests that wait for a connection. */
  readonly waiting: number;
  /** Ends all connections; what runs ends with `unfinished`. */
  close(): void;
};

export const UNFINISHED: Answer = { ok: false, code: "unfinished" };
export const TIMED_OUT: Answer = { ok: false, code: "timeout" };

/** How often deadlines are looked at. */
export const SWEEP_MS = 100;

export function openSocket({ protocol, hostname, port }: URL): Socket {
  const host = hostname.replace(/^\[|\]$/g, "");
  const secure = protocol === "https:" || protocol === "wss:";
  const at = { host, port: Number(port || (secure ? 443 : 80)) };
  const socket = secure ? connectTls({ ...at, servername: host, ALPNProtocols: ["http/1.1"] }) : connectTcp(at);
  socket.setNoDelay(true);
  return socket;
}

/** The path of a route behind whatever path the gateway is served below. */
export function pathOf({ pathname }: URL, route: string): string {
  return pathname.replace(/\/+$/, "") + route;
}

/** The code in an error's body, else its status. */
export function codeIn(status: number, body: string): string {
  return /"code": *"(\w+)"/.exec(body)?.[1] ?? `http_${status}`;
}

export function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message ?? "error";
}
