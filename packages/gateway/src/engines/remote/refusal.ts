import { type ErrorCode, SpeechError } from "../../core/errors.ts";

/** What the body of a refusal says, as far as it is of use: never its words, which may hold the text that was to be spoken. */
export type RefusalReason = {
  /** One token of the protocol's own. */
  readonly reason?: string;
  /** When the server itself names no time. */
  readonly retryAfterMs?: number;
};

const TOKEN = /^[a-z0-9_.-]{1,64}$/i;
const TOO_MANY_REQUESTS = 429;
const DEFAULT_RETRY_AFTER_MS = 1_000;

/** An answer that is no success, as the error it means. Its body is given back unread. */
export async function refusal(response: Response, engine: string): Promise<SpeechError> {
  await response.body?.cancel(); // an unread body keeps its pooled socket busy
  return refusalBecause(response, engine, {});
}

/** The same for an answer whose body was read. */
export function refusalBecause(
  { status, headers }: Pick<Response, "status" | "headers">,
  engine: string,
  because: RefusalReason,
): SpeechError {
  const fallback = because.retryAfterMs ?? (status === TOO_MANY_REQUESTS ? DEFAULT_RETRY_AFTER_MS : undefined);
  const retryAfterMs = retryAfter(headers) ?? fallback;
  const reason = because.reason !== undefined && TOKEN.test(because.reason) ? ` (${because.reason})` : "";
  return new SpeechError(codeOf(status), `${engine} answered ${status}${reason}`, {
    engine,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}

/** 401 and 403 are about our key, 408 and 429 about now, other 4xx about this request: asking again would get the same answer. */
function codeOf(status: number): ErrorCode {
  if (status === 401 || status === 403) return "engine_unauthorized";
  const ours = status >= 400 && status < 500 && status !== 408 && status !== TOO_MANY_REQUESTS;
  return ours ? "engine_rejected" : "engine_failed";
}

/** Dates are not read: they would need the server's clock to be ours. */
function retryAfter(headers: Headers): number | undefined {
  const ms = headers.get("retry-after-ms");
  if (ms !== null && /^\d{1,9}$/.test(ms)) return Number(ms);
  const seconds = headers.get("retry-after");
  return seconds !== null && /^\d{1,6}(\.\d+)?$/.test(seconds) ? Math.ceil(Number(seconds) * 1000) : undefined;
}
