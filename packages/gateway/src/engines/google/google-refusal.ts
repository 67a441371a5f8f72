import { SpeechError } from "../../core/errors.ts";
import { answerJson } from "../remote/ask-server.ts";
import { refusalBecause } from "../remote/refusal.ts";

const MAX_BODY_BYTES = 64 * 1024;
/** A wrong key is a 400 at Google's. */
const ABOUT_THE_KEY: ReadonlySet<string> = new Set(["API_KEY_INVALID", "API_KEY_EXPIRED"]);

type Body = { readonly error?: { readonly status?: unknown; readonly details?: unknown } | null } | null | undefined;

/** An answer that is no success, with Google's own word for it. */
export async function googleRefusal(response: Response, engine: string): Promise<SpeechError> {
  const { error } = ((await answerJson(response, MAX_BODY_BYTES)) as Body) ?? {};
  const details: readonly unknown[] = Array.isArray(error?.details) ? error.details : [];
  const reasons = details.map((detail) => (detail as { reason?: unknown } | null)?.reason);
  const reason = [...reasons, error?.status].find((value): value is string => typeof value === "string");
  if (reason !== undefined && ABOUT_THE_KEY.has(reason))
    return new SpeechError("engine_unauthorized", `${engine} does not take our key (${reason})`, { engine });
  return refusalBecause(response, engine, reason === undefined ? {} : { reason });
}
