import type { ErrorCode, SpeechError } from "../../core/errors.ts";
import { bearerOf } from "../auth.ts";
import type { ForeignAnswer, ForeignProtocol, ForeignRequest } from "../foreign.ts";

/** What Deepgram calls an error, where it has a name for it, and the status that it gives it. */
const NAMES: Partial<Record<ErrorCode, readonly [status: number, name: string]>> = {
  unauthorized: [401, "INVALID_AUTH"],
  forbidden: [403, "INSUFFICIENT_PERMISSIONS"],
  too_many_failures: [429, "TOO_MANY_REQUESTS"],
  rate_limit_exceeded: [429, "TOO_MANY_REQUESTS"],
  too_many_sockets: [429, "TOO_MANY_REQUESTS"],
  text_too_long: [413, "PAYLOAD_TOO_LARGE"],
  body_too_large: [413, "PAYLOAD_TOO_LARGE"],
  text_empty: [400, "PAYLOAD_ERROR"],
  invalid_json: [400, "PAYLOAD_ERROR"],
  invalid_request: [400, "INVALID_QUERY_PARAMETER"],
  voice_not_found: [400, "INVALID_QUERY_PARAMETER"],
};

/** Deepgram's API: its key, and its errors. `dg-error` repeats the message for clients that see no body of a refused upgrade. */
export const DEEPGRAM: ForeignProtocol = {
  name: "deepgram",
  secretOf: deepgramSecretOf,
  errorAnswer(error, { requestId }): ForeignAnswer {
    const status = NAMES[error.code]?.[0] ?? error.status;
    return {
      status,
      headers: { "dg-request-id": requestId, "dg-error": visible(error.message) },
      body: { err_code: deepgramName(error), err_msg: error.message, request_id: requestId },
    };
  },
};

/** What Deepgram calls this error; ours in its letters if it has no name. */
export function deepgramName({ code }: SpeechError): string {
  return NAMES[code]?.[1] ?? code.toUpperCase();
}

/** `Authorization: Token …`, or Bearer for a token of a minute; browsers offer it as a subprotocol behind `token`. */
function deepgramSecretOf({ headers }: ForeignRequest): string | undefined {
  const [, token] = /^Token +(\S+) *$/i.exec(headers.authorization ?? "") ?? [];
  return token ?? bearerOf(headers) ?? offeredSecret(headers["sec-websocket-protocol"]);
}

function offeredSecret(offered: string | undefined): string | undefined {
  const [scheme, secret] = offered?.split(",").map((part) => part.trim()) ?? [];
  return scheme === "token" || scheme === "bearer" ? secret : undefined;
}

function visible(message: string): string {
  return message.replaceAll(/[^\x20-\x7e]/g, "?");
}
