import { SpeechError } from "../../core/errors.ts";

export type Server = {
  /** The engine's configured name. */
  readonly name: string;
  readonly baseUrl: string;
  /** Of every request: its key. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly fetch?: typeof globalThis.fetch;
};

export type Ask = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

export type AskServer = (path: string, ask: Ask, signal: AbortSignal) => Promise<Response>;

/**
 * Requests to an engine's server, over connections that fetch keeps for the next ones. A server that cannot be reached
 * is an `engine_failed`; an aborted signal throws its reason, since a caller who leaves is not the engine's fault.
 */
export function askServer({ name, headers, fetch = globalThis.fetch, ...server }: Server): AskServer {
  const baseUrl = server.baseUrl.replace(/\/+$/, "");
  return async function ask(path, init, signal) {
    signal.throwIfAborted();
    try {
      return await fetch(`${baseUrl}${path}`, { ...init, headers: { ...headers, ...init.headers }, signal });
    } catch (cause) {
      signal.throwIfAborted();
      throw new SpeechError("engine_failed", `${name} is unreachable`, { cause, engine: name });
    }
  };
}

/** A POST of JSON. */
export function jsonAsk(body: unknown): Ask {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

/**
 * The bytes of an answer as they come. Throws `engine_failed` when the connection breaks, `engine_no_audio` when there
 * are none. Left early, it cancels the answer at the server.
 */
export async function* answerBytes(
  response: Response,
  engine: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let some = false;
  try {
    for await (const bytes of response.body ?? []) {
      if (bytes.byteLength === 0) continue;
      some = true;
      yield bytes;
    }
  } catch (cause) {
    signal.throwIfAborted();
    throw new SpeechError("engine_failed", `${engine} broke off`, { cause, engine });
  }
  if (!some) throw new SpeechError("engine_no_audio", `${engine} answered without audio`, { engine });
}

/** The JSON of an answer up to `maxBytes`; undefined for anything else. */
export async function answerJson(response: Response, maxBytes: number): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) return undefined; // leaving the loop cancels the rest
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}
