import type { ErrorCode, SpeechError } from "../../core/errors.ts";
import { bearerOf } from "../auth.ts";
import type { ForeignAnswer, ForeignProtocol } from "../foreign.ts";

type Title = readonly [status: number, code: string, title: string];

/** Our names of fields, where an error comes from the speech that they go into. */
const FIELD_NAMES: Readonly<Record<string, string>> = { input: "transcript", text: "transcript", model: "model_id" };

const LIMITS: Readonly<Record<"requests" | "characters" | "streams", Title>> = {
  streams: [429, "concurrency_limited", "Too many concurrent requests"],
  requests: [429, "rate_limited", "Too many requests"],
  characters: [402, "quota_exceeded", "Quota exceeded"],
};

const TITLES: Partial<Record<ErrorCode, string>> = {
  unauthorized: "Invalid API key",
  invalid_request: "Invalid request",
  invalid_json: "Invalid JSON",
  text_empty: "Empty transcript",
  text_too_long: "Transcript too long",
  voice_not_found: "Voice not found",
  model_not_found: "Model not found",
  engines_unavailable: "Service unavailable",
};

/** What of an error is the same over HTTP, as an event and on a socket. */
export function errorFields(error: SpeechError, requestId: string) {
  const [status, code, title] = titleOf(error);
  const { param } = error.details;
  const field = param === undefined ? undefined : (FIELD_NAMES[param] ?? param);
  const message = field === undefined ? error.message : error.message.replaceAll(`"${param}"`, `"${field}"`);
  return { status, fields: { error_code: code, title, message, request_id: requestId } };
}

/** Cartesia's API: its keys, and its errors as they are since 2026-03-01. */
export const CARTESIA: ForeignProtocol = {
  name: "cartesia",
  secretOf({ headers }) {
    const key = headers["x-api-key"];
    return bearerOf(headers) ?? (typeof key === "string" && key !== "" ? key : undefined);
  },
  errorAnswer(error, { requestId }): ForeignAnswer {
    const { status, fields } = errorFields(error, requestId);
    return { status, body: fields };
  },
};

function titleOf(error: SpeechError): Title {
  const { code, details, status } = error;
  if (code === "rate_limit_exceeded") return LIMITS[details.limited ?? "requests"];
  if (code === "voice_not_found") return [404, code, "Voice not found"];
  return [status, code, TITLES[code] ?? sentence(code)];
}

function sentence(code: string): string {
  const words = code.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
