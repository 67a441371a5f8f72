import { SpeechError } from "../../core/errors.ts";
import { SETTING_RANGES } from "../../core/speech-settings.ts";
import { secretOf } from "../../http/auth.ts";
import { ELEVENLABS } from "../../http/elevenlabs/elevenlabs.ts";
import { outputFormatOf } from "../../http/elevenlabs/output-format.ts";
import { elevenLabsCachePolicy } from "../../http/elevenlabs/settings.ts";
import { tagsOf } from "../../http/tags.ts";
import { type CallerDeps, callerOf } from "../caller.ts";
import type { SocketProtocol } from "../socket-protocol.ts";
import type { SessionDeps } from "../speech-session.ts";
import { bearer } from "./messages.ts";
import { ElevenLabsSession } from "./session.ts";

const DEFAULT_INACTIVITY_S = 20;
const MAX_INACTIVITY_S = 180;
const AUTHENTICATION_TIMEOUT_MS = 5_000;

/** ElevenLabs' two sockets: `stream-input`, one text, and `multi-stream-input`, many contexts. */
export function elevenLabsSockets(deps: SessionDeps & CallerDeps): SocketProtocol[] {
  return (["stream-input", "multi-stream-input"] as const).map((name) => ({
    path: `/v1/text-to-speech/{voice_id}/${name}`,
    foreign: ELEVENLABS,
    async admit({ request, address, requestId, query, params }, options) {
      const outputFormat = query.get("output_format");
      outputFormatOf(outputFormat);
      const inactivityTimeoutMs = inactivityOf(query.get("inactivity_timeout")) * 1000;
      const seed = seedOf(query.get("seed"));
      const tags = tagsOf(request, ...query.getAll("tag"));
      const secret = secretOf(request) ?? bearer(query.get("authorization")) ?? undefined;
      const token = query.get("single_use_token");
      const identify = (given: string | undefined, signal: AbortSignal) =>
        callerOf(deps, { secret: given, token: given === undefined ? token : null, address }, { signal });
      // A client that shows no key yet may do so in its first message.
      const caller = await identify(secret, options.signal).catch((error: unknown) => {
        if (secret !== undefined || token !== null) throw error;
        return undefined;
      });
      return (opened) =>
        new ElevenLabsSession(
          {
            ...{ ...opened, requestId, caller, inactivityTimeoutMs, ...tags },
            multi: name === "multi-stream-input",
            settings: {
              voiceId: params.voice_id!,
              modelId: query.get("model_id"),
              languageCode: query.get("language_code"),
              outputFormat,
              seed,
            },
            ignored: query.has("apply_text_normalization") ? ["apply_text_normalization"] : [],
            cache: elevenLabsCachePolicy(undefined, query.get("enable_logging")),
            autoMode: isTrue(query.get("auto_mode")),
            ssml: isTrue(query.get("enable_ssml_parsing")),
            identify: (given) => identify(given, AbortSignal.timeout(AUTHENTICATION_TIMEOUT_MS)),
          },
          deps,
        );
    },
  }));
}

function isTrue(text: string | null): boolean {
  return text?.toLowerCase() === "true";
}

function seedOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  const { min, max } = SETTING_RANGES.seed;
  const seed = Number(text);
  if (/^\d+$/.test(text) && seed >= min && seed <= max) return seed;
  throw new SpeechError("invalid_request", `"seed" must be a whole number from ${min} to ${max}`, { param: "seed" });
}

function inactivityOf(text: string | null): number {
  if (text === null) return DEFAULT_INACTIVITY_S;
  const seconds = Number(text);
  if (seconds > 0 && seconds <= MAX_INACTIVITY_S) return seconds;
  throw new SpeechError(
    "invalid_request",
    `"inactivity_timeout" must be a number of seconds up to ${MAX_INACTIVITY_S}`,
    {
      param: "inactivity_timeout",
    },
  );
}
