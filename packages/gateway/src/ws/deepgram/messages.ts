import { SpeechError } from "../../core/errors.ts";
import { parseStrictJson } from "../../http/strict-json.ts";

export type DeepgramMessage =
  | { readonly type: "Speak"; readonly text: string }
  | { readonly type: "Flush" | "Clear" | "Close" };

/** One text frame. Throws `invalid_json` or `invalid_request`. Fields that it does not know are passed over, as Deepgram does. */
export function readDeepgramMessage(data: Buffer): DeepgramMessage {
  const value = parseStrictJson(data, "message");
  const { type, text } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  switch (type) {
    case "Speak":
      if (typeof text !== "string") throw invalid(`"text" of Speak is a string`, "text");
      return { type, text };
    case "Flush":
    case "Clear":
    case "Close":
      return { type };
    default:
      throw invalid(`"type" must be one of Speak, Flush, Clear, Close`, "type");
  }
}

function invalid(message: string, param: string): SpeechError {
  return new SpeechError("invalid_request", message, { param });
}
