import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { ErrorBody } from "@mynah/protocol";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { ERROR_CODES, type ErrorCode, SpeechError } from "../core/errors.ts";
import { type ForeignAnswer, foreignOf } from "./foreign.ts";

/** OpenAI's error object; the same on all routes but those of other vendors' protocols. */
export function errorBody(error: SpeechError): ErrorBody {
  return { error: { message: error.message, type: error.type, param: error.details.param ?? null, code: error.code } };
}

/** Headers that tell a client when to come back, in the two forms that OpenAI's SDKs read. */
export function errorHeaders(error: SpeechError): Record<string, string> {
  const { retryAfterMs } = error.details;
  return {
    "x-should-retry": String(error.retryable),
    ...(retryAfterMs !== undefined && {
      "retry-after": String(Math.ceil(retryAfterMs / 1000)),
      "retry-after-ms": String(Math.ceil(retryAfterMs)),
    }),
  };
}

/** What Fastify itself refuses, by its code. */
const FASTIFY_CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "body_too_large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported_media_type",
  FST_ERR_CTP_EMPTY_JSON_BODY: "invalid_json",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "invalid_request",
  FST_ERR_BAD_URL: "invalid_request",
  FST_ERR_MAX_PARAM_LENGTH: "invalid_request",
};

/** Whatever was thrown on the way of a request, as one of ours. */
export function toSpeechError(error: unknown): SpeechError {
  if (error instanceof SpeechError) return error;
  const { validation, code } = error as Partial<FastifyError>;
  if (validation?.[0] !== undefined) return validationError(validation[0]);
  const ours = code === undefined ? undefined : FASTIFY_CODES[code];
  if (ours !== undefined) return new SpeechError(ours, ERROR_CODES[ours].meaning.replaceAll("`", ""), { cause: error });
  return new SpeechError("internal", "something went wrong here; the log has it under this request id", {
    cause: error,
  });
}

type Validation = NonNullable<FastifyError["validation"]>[number];

function validationError({ instancePath, params, message, keyword }: Validation): SpeechError {
  const { missingProperty, additionalProperty, allowedValues } = params as Record<string, unknown>;
  const path = instancePath.slice(1).replaceAll("/", ".");
  const named = missingProperty ?? additionalProperty;
  const param = typeof named === "string" ? (path ? `${path}.${named}` : named) : path;
  const field = param.slice(0, 80);
  if (missingProperty !== undefined)
    return new SpeechError("invalid_request", `"${field}" is required`, { param: field });
  if (additionalProperty !== undefined)
    return new SpeechError("invalid_request", `"${field}" is not a field of this request`, { param: field });
  const allowed = Array.isArray(allowedValues) ? `: ${allowedValues.join(", ")}` : "";
  const what = keyword === "pattern" ? "has a form that is not allowed" : (message ?? "is wrong");
  return new SpeechError("invalid_request", `${field ? `"${field}"` : "the body"} ${what}${allowed}`, {
    ...(field && { param: field }),
  });
}

/** Answers with the error object, unless the answer has begun already. */
export function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): void {
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  const error = toSpeechError(thrown);
  if (error.code === "internal")
    request.log.error({ err: error.cause ?? error, requestId: request.id }, "request failed");
  const { status, headers, body } =
    foreignOf(request)?.errorAnswer(error, { requestId: request.id, request }) ?? ownAnswer(error);
  void reply
    .status(status)
    .headers({ ...errorHeaders(error), ...headers })
    .type("application/json; charset=utf-8")
    .serializer(JSON.stringify) // past the route's own, which knows only the shapes that we promise
    .send(body);
}

function ownAnswer(error: SpeechError): ForeignAnswer {
  return { status: error.status, body: errorBody(error) };
}

/** The same on a socket that no HTTP answer belongs to, or none any more. Ends it. */
export function answerBare(socket: Duplex, error: SpeechError, answer: ForeignAnswer = ownAnswer(error)): void {
  const { status } = answer;
  const body = JSON.stringify(answer.body);
  const headers = {
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": Buffer.byteLength(body),
    ...errorHeaders(error),
    ...answer.headers,
    Connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("\r\n")}\r\n\r\n${body}`);
}
