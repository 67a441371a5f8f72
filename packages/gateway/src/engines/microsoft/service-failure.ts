import { SpeechError } from "../../core/errors.ts";
import { HandshakeRefused, SocketClosed } from "./service-socket.ts";

/** RFC 6455: the data is not what the type of the message says. These services close so for SSML or a voice they do not take. */
const INVALID_PAYLOAD = 1007;

/** What went wrong at the service, in the gateway's words. Their own words stay in `cause`. */
export function serviceFailure(thrown: unknown, engine: string): SpeechError {
  if (thrown instanceof SpeechError) return thrown;
  if (thrown instanceof HandshakeRefused) return refusal(thrown.status, thrown.headers["retry-after"], engine, thrown);
  if (thrown instanceof SocketClosed && thrown.code === INVALID_PAYLOAD) {
    const message = `${engine} does not take this voice or text`;
    return new SpeechError("engine_rejected", message, { cause: thrown, engine });
  }
  const why = thrown instanceof SocketClosed ? "broke off before all was said" : "cannot be reached or understood";
  return new SpeechError("engine_failed", `${engine} ${why}`, { cause: thrown, engine });
}

/** An answer of HTTP instead of a socket or a list: about the engine, never about one text, which it has not seen. */
export function refusal(
  status: number,
  retryAfter: string | string[] | null | undefined,
  engine: string,
  cause?: unknown,
): SpeechError {
  const seconds = /^\d{1,5}$/.test(String(retryAfter)) ? Number(retryAfter) : status === 429 ? 1 : undefined;
  return new SpeechError("engine_failed", `${engine} answered ${status}`, {
    engine,
    ...(cause !== undefined && { cause }),
    ...(seconds !== undefined && { retryAfterMs: seconds * 1000 }),
  });
}
