import type { ErrorBody } from "@mynah/protocol";

export type MynahErrorDetails = {
  status: number;
  code: string;
  param?: string | null;
  retryAfterMs?: number | undefined;
  requestId?: string | undefined;
  spokenText?: string | undefined;
};

/**
 * Codes after which the same call may succeed, of `docs/errors.md` and of this client: a socket's errors have no HTTP status to
 * tell it by. A test compares them with the gateway's own table.
 */
const RETRYABLE =
  /^(too_many_.*|request_timeout|rate_limit_exceeded|internal|engine_(unauthorized|no_audio|failed|timeout)|transcode_failed|engines_unavailable|overloaded|shutting_down|unreachable|audio_cut_off|connection_lost)$/;

/**
 * Every failure of a call, except an abort by the caller's own signal: that rejects with the signal's reason.
 * Branch on `code`, never on `message`.
 */
export class MynahError extends Error {
  override readonly name = "MynahError";
  /** The HTTP status; 0 when no answer came at all, the audio broke off, or it was said over a socket. */
  readonly status: number;
  /** The gateway's code, or `unreachable`, `audio_cut_off`, `bad_answer`, `connection_lost`, `closed`, `reader_too_slow`. */
  readonly code: string;
  /** The request field that is to blame, as the wire names it. */
  readonly param: string | undefined;
  /** When it makes sense to try again, if the gateway said so. */
  readonly retryAfterMs: number | undefined;
  readonly requestId: string | undefined;
  /** Of an utterance over a socket that failed while it was being heard: what had been spoken, if the gateway could say. */
  readonly spokenText: string | undefined;

  constructor(message: string, details: MynahErrorDetails, options?: ErrorOptions) {
    super(message, options);
    this.status = details.status;
    this.code = details.code;
    this.param = details.param ?? undefined;
    this.retryAfterMs = details.retryAfterMs;
    this.requestId = details.requestId;
    this.spokenText = details.spokenText;
  }

  /** The same call may succeed later: after `retryAfterMs`, where it is known. */
  get retryable(): boolean {
    return RETRYABLE.test(this.code) || (this.code === "bad_answer" && this.status >= 500);
  }

  /** One that no HTTP status goes with: said over a socket, or found out here. */
  static of(error: Omit<MynahErrorDetails, "status"> & { message: string }, options?: ErrorOptions): MynahError {
    return new MynahError(error.message, { ...error, status: 0 }, options);
  }

  /** Reads a refusal. Never rejects: an answer from a proxy that is not ours becomes a `bad_answer`. */
  static async fromResponse(response: Response): Promise<MynahError> {
    const body = await response.text().then(parseErrorBody, () => undefined);
    const details = {
      status: response.status,
      code: body?.error.code ?? body?.error.type ?? "bad_answer",
      param: body?.error.param ?? null,
      retryAfterMs: readRetryAfterMs(response.headers),
      requestId: response.headers.get("x-request-id") ?? undefined,
    };
    return new MynahError(body?.error.message ?? `The server answered ${response.status}`, details);
  }
}

function parseErrorBody(text: string): ErrorBody | undefined {
  try {
    const body = JSON.parse(text) as Partial<ErrorBody> | null;
    return typeof body?.error?.message === "string" ? (body as ErrorBody) : undefined;
  } catch {
    return undefined;
  }
}

/** `retry-after-ms`, else `Retry-After` in seconds or as a date; undefined when neither can be read. */
export function readRetryAfterMs(headers: Headers): number | undefined {
  const exact = Number(headers.get("retry-after-ms") ?? Number.NaN);
  if (Number.isFinite(exact) && exact >= 0) return exact;
  const coarse = headers.get("retry-after");
  if (coarse === null) return undefined;
  const seconds = Number(coarse);
  if (coarse.trim() !== "" && Number.isFinite(seconds) && seconds >= 0) return seconds * 1000;
  // Measured on the server's own clock: ours may be hours off.
  const waitMs = Date.parse(coarse) - Date.parse(headers.get("date") ?? "");
  return Number.isFinite(waitMs) ? Math.max(0, waitMs) : undefined;
}
