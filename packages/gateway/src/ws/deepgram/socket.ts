import { createHash } from "node:crypto";
import { DEFAULT_CACHE_POLICY } from "../../core/utterance.ts";
import { DEEPGRAM } from "../../http/deepgram/deepgram.ts";
import { DEFAULT_MODEL, speakerOf } from "../../http/deepgram/model.ts";
import { socketFormatOf } from "../../http/deepgram/output-format.ts";
import { paceOf } from "../../http/deepgram/settings.ts";
import { ignoredField } from "../../http/ignored-fields.ts";
import { tagsOf } from "../../http/tags.ts";
import type { Authenticator } from "../../identity/authenticator.ts";
import type { VoiceCatalogue } from "../../speech/voice-catalogue.ts";
import type { SocketProtocol } from "../socket-protocol.ts";
import type { SessionDeps } from "../speech-session.ts";
import { DeepgramSession } from "./session.ts";

export type DeepgramSocketDeps = SessionDeps & {
  readonly authenticator: Authenticator;
  readonly voices: VoiceCatalogue;
  readonly version: string;
};

/** Subprotocols behind which browsers put their key. */
const SCHEMES = ["token", "bearer"];

/** What their HTTP API knows and a socket, whose audio is bare samples, does not. */
const OF_FILES = ["container", "bit_rate"] as const;

/** Deepgram's socket, `/v1/speak`. */
export function deepgramSocket(deps: DeepgramSocketDeps): SocketProtocol {
  return {
    path: "/v1/speak",
    foreign: DEEPGRAM,
    choose: (offered) => SCHEMES.find((scheme) => offered.includes(scheme)),
    async admit({ request, address, requestId, query }, options) {
      const secret = DEEPGRAM.secretOf(request);
      const { user, tenant, plan } = await deps.authenticator.identify({ secret, address }, options);
      const field = (name: string): string | undefined => query.get(name) ?? undefined;
      const model = field("model") ?? DEFAULT_MODEL;
      const utterance = {
        text: "",
        format: socketFormatOf({ encoding: field("encoding"), sample_rate: field("sample_rate") }),
        ...paceOf(field("speed")),
        ...(await speakerOf(model, deps.voices, options)),
        cache: DEFAULT_CACHE_POLICY,
        subject: user,
        ...tagsOf(request),
        ...(tenant !== undefined && { tenant }),
        ...(plan !== undefined && { plan }),
      };
      const metadata = {
        type: "Metadata",
        request_id: requestId,
        model_name: model,
        model_version: deps.version,
        model_uuid: uuidOf(model),
        additional_model_uuids: [],
        ...ignoredField(OF_FILES.filter((name) => (field(name) ?? "none") !== "none")),
      };
      return (opened) => new DeepgramSession({ ...opened, requestId, utterance, metadata }, deps);
    },
  };
}

/** A name as a UUID, always the same: clients expect one, and there is nothing behind it. RFC 9562's version 8. */
function uuidOf(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
