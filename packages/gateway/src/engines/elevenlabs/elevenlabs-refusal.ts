import type { SpeechError } from "../../core/errors.ts";
import { answerJson } from "../remote/ask-server.ts";
import { type RefusalReason, refusalBecause } from "../remote/refusal.ts";

const MAX_BODY_BYTES = 64 * 1024;
/** A place of our own plan is free again soon; a busy service wants to be left alone for longer. */
const RETRY_AFTER_MS: Readonly<Record<string, number>> = {
  too_many_concurrent_requests: 500,
  concurrent_limit_exceeded: 500,
  system_busy: 3_000,
};

/** An answer that is no success. `detail` is an object with a `status`, a sentence, or a list of fields that are wrong. */
export async function elevenLabsRefusal(response: Response, engine: string): Promise<SpeechError> {
  const body = (await answerJson(response, MAX_BODY_BYTES)) as { detail?: unknown } | null | undefined;
  return refusalBecause(response, engine, reasonOf(body?.detail));
}

/** The reason in `detail`, as an error's body or a line within the audio has it. */
export function reasonOf(detail: unknown): RefusalReason {
  const first: unknown = Array.isArray(detail) ? detail[0] : detail;
  const { status, code, type } = (typeof first === "object" && first !== null ? first : {}) as Record<string, unknown>;
  const reason = [status, code, type].find((value): value is string => typeof value === "string");
  if (reason === undefined) return {};
  const retryAfterMs = Object.hasOwn(RETRY_AFTER_MS, reason) ? RETRY_AFTER_MS[reason] : undefined;
  return { reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}
