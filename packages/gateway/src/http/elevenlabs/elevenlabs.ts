import type { ErrorCode, SpeechError } from "../../core/errors.ts";
import { secretOf } from "../auth.ts";
import type { ForeignAnswer, ForeignProtocol } from "../foreign.ts";

/** Query parameters; every other field that an error can name is in the body. */
const QUERY_FIELDS = new Set([
  "output_format",
  "next_page_token",
  "page_size",
  "sort",
  "sort_direction",
  "inactivity_timeout",
]);
/** Our names of fields, where an error comes from the speech that they go into. */
const FIELD_NAMES: Readonly<Record<string, string>> = { input: "text", voice: "voice_id", model: "model_id" };

type Refusal = readonly [status: number, name: string];

/** What ElevenLabs calls a refusal, where it has a name for it, and the status that it gives it. */
const REFUSALS: Partial<Record<ErrorCode, Refusal>> = {
  voice_not_found: [404, "voice_not_found"],
  model_not_found: [400, "model_not_found"],
  text_empty: [400, "input_text_empty"],
  text_too_long: [400, "max_character_limit_exceeded"],
  forbidden: [403, "missing_permissions"],
  overloaded: [429, "system_busy"],
};

const LIMITS: Readonly<Record<"requests" | "characters" | "streams", Refusal>> = {
  streams: [429, "too_many_concurrent_requests"],
  requests: [429, "system_busy"], // the one of their two 429s that makes clients back off
  characters: [401, "quota_exceeded"],
};

/** ElevenLabs' API: its key, and its errors, which are FastAPI's lists for what does not validate and `detail.status` for the rest. */
export const ELEVENLABS: ForeignProtocol = {
  name: "elevenlabs",
  secretOf,
  errorAnswer(error, { requestId, request }): ForeignAnswer {
    if (error.code === "invalid_request" || error.code === "invalid_json")
      return { status: 422, body: { detail: [invalid(error)] } };
    const [status, name] = refusalOf(error, secretOf(request) !== undefined);
    return {
      status,
      headers: { "request-id": requestId },
      body: { detail: { status: name, message: error.message, code: error.code, request_id: requestId } },
    };
  },
};

/** Status and name of an error that is not about the form of a request. */
export function refusalOf(error: SpeechError, keyGiven: boolean): Refusal {
  const { code, details } = error;
  if (code === "unauthorized") return [401, keyGiven ? "invalid_api_key" : "needs_authorization"];
  if (code === "rate_limit_exceeded") return LIMITS[details.limited ?? "requests"];
  return REFUSALS[code] ?? [error.status, code];
}

function invalid({ code, message, details }: SpeechError) {
  if (code === "invalid_json") return { loc: ["body", 0], msg: message, type: "json_invalid" };
  const { param } = details;
  if (param === undefined) return { loc: ["body"], msg: message, type: "value_error" };
  const path = (FIELD_NAMES[param] ?? param).split(".");
  const type = message.endsWith("is required") ? "missing" : "value_error";
  return { loc: [QUERY_FIELDS.has(path[0]!) ? "query" : "body", ...path], msg: message, type };
}
