import { SpeechError } from "../../core/errors.ts";
import { NOT_HEARD } from "../../http/elevenlabs/settings.ts";
import { ignoredIn } from "../../http/ignored-fields.ts";
import { parseStrictJson } from "../../http/strict-json.ts";

/** What of a client's message means something here; absent fields and null alike are undefined. */
export type ElevenLabsMessage = {
  readonly text: string | undefined;
  readonly contextId: string | undefined;
  readonly flush: boolean;
  readonly closeContext: boolean;
  readonly closeSocket: boolean;
  readonly speed: number | undefined;
  readonly secret: string | undefined;
  /** What of it is heard from ElevenLabs and not here. */
  readonly ignored: readonly string[];
};

const MAX_ID_CHARS = 256;

/** One text frame. Fields that are not known are taken, as ElevenLabs takes them. Throws `invalid_json` and `invalid_request`. */
export function readElevenLabsMessage(data: Buffer): ElevenLabsMessage {
  const value = parseStrictJson(data, "message");
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new SpeechError("invalid_request", "a message is a JSON object");
  const fields = value as Readonly<Record<string, unknown>>;
  const settings = fields.voice_settings ?? {};
  if (typeof settings !== "object") throw wrong("voice_settings", "an object");
  const contextId = text(fields, "context_id") ?? text(fields, "contextId");
  if (contextId !== undefined && contextId.length > MAX_ID_CHARS)
    throw wrong("context_id", `a string of at most ${MAX_ID_CHARS} characters`);
  return {
    text: text(fields, "text"),
    contextId,
    flush: flag(fields, "flush"),
    closeContext: flag(fields, "close_context"),
    closeSocket: flag(fields, "close_socket"),
    speed: speedOf((settings as Readonly<Record<string, unknown>>).speed),
    secret: text(fields, "xi-api-key") ?? text(fields, "xi_api_key") ?? bearer(text(fields, "authorization")),
    ignored: ignoredIn(fields, NOT_HEARD),
  };
}

function text(fields: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = fields[name] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw wrong(name, "a string");
}

function flag(fields: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value === "boolean") return value;
  throw wrong(name, "true or false");
}

function speedOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && value >= 0.25 && value <= 4) return value;
  throw wrong("voice_settings.speed", "a number from 0.25 to 4");
}

/** With or without its scheme. */
export function bearer(value: string | undefined | null): string | undefined {
  return value?.replace(/^Bearer +/i, "") || undefined;
}

function wrong(param: string, what: string): SpeechError {
  return new SpeechError("invalid_request", `"${param}" must be ${what}`, { param });
}
