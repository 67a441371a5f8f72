import type { ErrorBody } from "@mynah/protocol";

export type MynahErrorDetails = {
  status: number;
  code: string;
  param?: string | null;
  retryAfterMs?: number;
  requestId?: string;
};

/**
 * Every failure of a call, except an abort by the caller's own signal: that rejects with the signal's reason.
 * Branch on `code`, never on `message`.
 */
export class MynahError extends Error {
  override readonly name = "MynahError";
  /** The HTTP status; 0 when no answer came at all or the audio broke off. */
  readonly status: number;
  /** The gateway's code, or `unreachable`, `audio_cut_off`, `bad_answer`. */
  readonly code: string;
  /** The request field that is to blame, as the wire names it. */
  readonly param: string | undefined;
  /** When it makes sense to try again, if the gateway said so. */
  readonly retryAfterMs: number | undefined;
  readonly requestId: string | undefined;

  constructor(message: string, details: MynahErrorDetails, options?: ErrorOptions) {
    super(message, options);
    this.status = details.status;
    this.code = details.code;
    this.param = details.param ?? undefined;
    this.retryAfterMs = details.retryAfterMs;
    this.requestId = details.requestId;
  }

  /** Reads a refusal. Never rejects: an answer from a proxy that is not ours becomes a `bad_answer`. */
  static async fromResponse(response: Response): Promise<MynahError> {
    const body = await response.text().then(parseErrorBody, () => undefined);
    const details: MynahErrorDetails = {
      status: response.status,
      code: body?.error.code ?? body?.error.type ?? "bad_answer",
      param: body?.error.param ?? null,
    };
    const retryAfterMs = readRetryAfterMs(response.headers);
    if (retryAfterMs !== undefined) details.retryAfterMs = retryAfterMs;
    const requestId = response.headers.get("x-request-id");
    if (requestId !== null) details.requestId = requestId;
    return new MynahError(body?.error.message ?? `The server answered ${response.status}`, details);
  }
}

function parseErrorBody(text: string): ErrorBody | undefined {
  try {
    const body: unknown = JSON.parse(text);
    return isErrorBody(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

function isErrorBody(body: unknown): body is ErrorBody {
  if (typeof body !== "object" || body === null || !("error" in body)) return false;
  const { error } = body;
  return typeof error === "object" && error !== null && "message" in error && typeof error.message === "string";
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
