/** Everything that can go wrong, with what a caller gets to see. docs/errors.md is generated from this table. */
export const ERROR_CODES = {
  invalid_request: {
    status: 400,
    type: "invalid_request_error",
    retryable: false,
    meaning: "A field is missing, of the wrong type or out of range; `param` names it.",
  },
  invalid_json: {
    status: 400,
    type: "invalid_request_error",
    retryable: false,
    meaning: "The body is not valid JSON, or names a key twice.",
  },
  text_empty: {
    status: 400,
    type: "invalid_request_error",
    retryable: false,
    meaning: "The text holds nothing that can be spoken: blank, only emoji or only punctuation.",
  },
  text_too_long: {
    status: 400,
    type: "invalid_request_error",
    retryable: false,
    meaning:
      "The text is longer than MAX_TEXT_CHARS, or has more characters than the caller's limit ever lets through.",
  },
  ssml_invalid: {
    status: 400,
    type: "invalid_request_error",
    retryable: false,
    meaning:
      "The text is not the SSML that it is said to be: not well-formed, an unknown element or value, or beyond a bound. The message names line and column.",
  },
  setting_unsupported: {
    status: 400,
    type: "invalid_request_error",
    retryable: false,
    meaning:
      "No engine that could speak as this voice can be told this setting; `param` names it. Leave it out, or name another voice or engine.",
  },
  voice_not_found: {
    status: 400,
    type: "invalid_request_error",
    retryable: false,
    meaning: "No engine has this voice; GET /v1/audio/voices lists them.",
  },
  model_not_found: {
    status: 404,
    type: "invalid_request_error",
    retryable: false,
    meaning: "No engine answers to this model name; GET /v1/models lists them.",
  },
  unauthorized: {
    status: 401,
    type: "authentication_error",
    retryable: false,
    meaning: "An API key is required and none, or a wrong one, was given.",
  },
  link_invalid: {
    status: 403,
    type: "permission_error",
    retryable: false,
    meaning: "A signed link whose time is over, or that was altered.",
  },
  forbidden: { status: 403, type: "permission_error", retryable: false, meaning: "This key may not do this." },
  not_found: { status: 404, type: "invalid_request_error", retryable: false, meaning: "There is no such route." },
  utterance_not_found: {
    status: 404,
    type: "invalid_request_error",
    retryable: false,
    meaning: "On a socket: no utterance of this id is running; it is over, or was never begun.",
  },
  method_not_allowed: {
    status: 405,
    type: "invalid_request_error",
    retryable: false,
    meaning: "The route exists, but not with this method.",
  },
  request_timeout: {
    status: 408,
    type: "invalid_request_error",
    retryable: true,
    meaning: "The request took too long to arrive.",
  },
  body_too_large: {
    status: 413,
    type: "invalid_request_error",
    retryable: false,
    meaning: "The body is larger than MAX_BODY_BYTES.",
  },
  upgrade_required: {
    status: 426,
    type: "invalid_request_error",
    retryable: false,
    meaning: "This route is a WebSocket; connect with `ws://` or `wss://`.",
  },
  unsupported_media_type: {
    status: 415,
    type: "invalid_request_error",
    retryable: false,
    meaning: "Send the body as application/json.",
  },
  rate_limit_exceeded: {
    status: 429,
    type: "requests",
    retryable: true,
    meaning: "The user's limit is used up; `Retry-After` says when there is room again.",
  },
  too_many_sockets: {
    status: 429,
    type: "requests",
    retryable: true,
    meaning: "This address has SOCKET_MAX_PER_ADDRESS sockets open; one socket carries many utterances.",
  },
  too_many_utterances: {
    status: 429,
    type: "requests",
    retryable: true,
    meaning: "As many utterances run on this socket as may; wait for one to end, or cancel one.",
  },
  too_many_failures: {
    status: 429,
    type: "authentication_error",
    retryable: true,
    meaning: "Too many wrong keys came from this address; nothing it sends is looked at until `Retry-After`.",
  },
  headers_too_large: {
    status: 431,
    type: "invalid_request_error",
    retryable: false,
    meaning: "The request's headers are larger than 16 KiB.",
  },
  caller_gone: {
    status: 499,
    type: "cancelled",
    retryable: false,
    meaning: "The caller closed the connection; nobody sees this answer, logs do.",
  },
  internal: {
    status: 500,
    type: "server_error",
    retryable: true,
    meaning: "A defect in the gateway; the log has the cause under the request id.",
  },
  engine_rejected: {
    status: 502,
    type: "engine_error",
    retryable: false,
    meaning: "The engine refused this request and would refuse it again.",
  },
  engine_unauthorized: {
    status: 502,
    type: "engine_error",
    retryable: true,
    meaning:
      "The engine does not accept the key that the gateway has for it; its `apiKey` in the config file is wrong.",
  },
  engine_no_audio: {
    status: 502,
    type: "engine_error",
    retryable: true,
    meaning: "The engine finished without audio, or with silence only.",
  },
  engine_cannot_say: {
    status: 422,
    type: "invalid_request_error",
    retryable: false,
    meaning:
      "No engine has a voice that can say this text, for example one in another script. An engine for its language would.",
  },
  engine_failed: {
    status: 502,
    type: "engine_error",
    retryable: true,
    meaning: "The engine broke off, crashed or could not be reached.",
  },
  engine_timeout: {
    status: 504,
    type: "engine_error",
    retryable: true,
    meaning: "The engine did not answer within its deadline.",
  },
  transcode_failed: {
    status: 502,
    type: "engine_error",
    retryable: true,
    meaning: "Audio could not be decoded or encoded.",
  },
  engines_unavailable: {
    status: 503,
    type: "engine_error",
    retryable: true,
    meaning: "Every engine that could have spoken failed; `Retry-After` says when to try again.",
  },
  overloaded: {
    status: 503,
    type: "server_error",
    retryable: true,
    meaning: "Too much is already waiting; try again after `Retry-After`.",
  },
  shutting_down: {
    status: 503,
    type: "server_error",
    retryable: true,
    meaning: "This server is stopping; another one will answer.",
  },
  not_cached: {
    status: 504,
    type: "invalid_request_error",
    retryable: false,
    meaning: "The request said `Cache-Control: only-if-cached`, and it is not.",
  },
} as const satisfies Record<string, { status: number; type: string; retryable: boolean; meaning: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;
export type ErrorDetails = {
  engine?: string;
  retryAfterMs?: number;
  param?: string;
  /** What of `rate_limit_exceeded` was used up. */
  limited?: "requests" | "characters" | "streams";
};

/**
 * The only error that crosses a module boundary. Callers branch on `code`, never on `message`. API clients see the
 * message, so it holds no spoken text, key or upstream body; those stay in `cause`: logged redacted, never sent.
 */
export class SpeechError extends Error {
  override readonly name = "SpeechError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, { cause, ...details }: ErrorOptions & ErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return ERROR_CODES[this.code].status;
  }
  get type(): string {
    return ERROR_CODES[this.code].type;
  }
  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }

  /** Wraps whatever was thrown; a SpeechError passes through untouched. */
  static from(thrown: unknown, code: ErrorCode, message: string): SpeechError {
    return thrown instanceof SpeechError ? thrown : new SpeechError(code, message, { cause: thrown });
  }
}
