import { SpeechError } from "../../core/errors.ts";
import { refusal, refusalBecause } from "../remote/refusal.ts";

/** Polly throttles with a 400 and names no time. */
const THROTTLED: ReadonlySet<string> = new Set(["ThrottlingException", "Throttling", "TooManyRequestsException"]);
const RETRY_AFTER_MS = 1_000;

/** An answer that is no success. What went wrong is in a header; the body, which may hold the text, is given back unread. */
export async function pollyRefusal(response: Response, engine: string): Promise<SpeechError> {
  const reason = response.headers.get("x-amzn-errortype")?.split(":", 1)[0];
  if (reason === undefined) return refusal(response, engine);
  await response.body?.cancel();
  if (!THROTTLED.has(reason)) return refusalBecause(response, engine, { reason });
  const details = { engine, retryAfterMs: RETRY_AFTER_MS };
  return new SpeechError("engine_failed", `${engine} answered ${response.status} (${reason})`, details);
}
