import { type Static, Type } from "typebox";
import { Check, Errors } from "typebox/value";
import { SpeechError } from "../../core/errors.ts";
import { settingsFields } from "../../http/cartesia/settings.ts";
import { parseStrictJson } from "../../http/strict-json.ts";

const Flag = Type.Optional(Type.Union([Type.Boolean(), Type.Null()]));
const Id = Type.String({ minLength: 1, maxLength: 256 });

const CancelMessage = Type.Object({ context_id: Id, cancel: Type.Literal(true) });
const GenerateMessage = Type.Object({
  ...settingsFields,
  transcript: Type.String(),
  context_id: Type.Optional(Type.Union([Id, Type.Null()])),
  continue: Flag,
  flush: Flag,
  add_timestamps: Flag,
  max_buffer_delay_ms: Type.Optional(Type.Union([Type.Number({ minimum: 0, maximum: 5000 }), Type.Null()])),
});
export type GenerateMessage = Static<typeof GenerateMessage>;
export type CartesiaMessage = Static<typeof CancelMessage> | GenerateMessage;

/** A message as it may be acted on, or what is wrong with it; with the context it names, if that can be read. */
export type ReadMessage =
  | { readonly message: CartesiaMessage }
  | { readonly contextId: string | undefined; readonly error: SpeechError };

/** One text frame. Fields that are not known are taken, as Cartesia takes them. */
export function readCartesiaMessage(data: Buffer): ReadMessage {
  let value: unknown;
  try {
    value = parseStrictJson(data, "message");
  } catch (error) {
    return { contextId: undefined, error: SpeechError.from(error, "invalid_json", "the message is not valid JSON") };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { contextId: undefined, error: new SpeechError("invalid_request", "a message is a JSON object") };
  if (Check(CancelMessage, value)) return { message: value };
  if (Check(GenerateMessage, value)) return { message: value };
  const { context_id: id } = value as { context_id?: unknown };
  return { contextId: Check(Id, id) ? id : undefined, error: problemOf(value) };
}

function problemOf(value: object): SpeechError {
  const [first] = Errors(GenerateMessage, value);
  const missing = (first?.params as { requiredProperties?: readonly string[] } | undefined)?.requiredProperties?.[0];
  const path = [...(first?.instancePath.split("/").slice(1) ?? []), ...(missing === undefined ? [] : [missing])];
  const param = path.join(".").slice(0, 80);
  const what = missing === undefined ? (first?.message ?? "is wrong") : "is required";
  return new SpeechError("invalid_request", param === "" ? `the message ${what}` : `"${param}" ${what}`, { param });
}
