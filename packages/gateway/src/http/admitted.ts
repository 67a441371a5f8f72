import type { FastifyReply } from "fastify";
import { SpeechError } from "../core/errors.ts";
import type { SpeakResult, Speech } from "../speech/speak.ts";
import { limitHeaders, limitReached } from "./speech-headers.ts";

/** The speech, or `rate_limit_exceeded` with its headers already on the reply. */
export function admittedOrThrow(result: SpeakResult, reply: FastifyReply): Speech {
  if (result.admitted) return result.speech;
  const { window, retryAfterMs } = result.quota;
  reply.headers(limitHeaders(result.quota));
  const message = `${limitReached(window)}; try again in ${Math.ceil(retryAfterMs / 1000)} s`;
  throw new SpeechError("rate_limit_exceeded", message, { retryAfterMs });
}
