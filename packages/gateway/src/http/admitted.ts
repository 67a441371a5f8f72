import type { FastifyReply } from "fastify";
import { refusalError } from "../core/quota.ts";
import type { SpeakResult, Speech } from "../speech/speak.ts";
import { recordOf } from "./header-list.ts";
import { limitHeaders } from "./speech-headers.ts";

/** The speech, or `rate_limit_exceeded` with its headers already on the reply. */
export function admittedOrThrow(result: SpeakResult, reply: FastifyReply): Speech {
  if (result.admitted) return result.speech;
  reply.headers(recordOf(limitHeaders(result.quota)));
  throw refusalError(result.quota);
}
