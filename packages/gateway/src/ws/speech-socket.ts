import { SOCKET_PROTOCOL } from "@mynah/protocol";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions } from "../core/ports.ts";
import type { Subject, WindowState } from "../core/quota.ts";
import { secretOf } from "../http/auth.ts";
import { tagsOf } from "../http/tags.ts";
import { type CallerDeps, callerOf } from "./caller.ts";
import type { SocketProtocol } from "./socket-protocol.ts";
import { type SessionDeps, SpeechSession } from "./speech-session.ts";

export type SpeechSocketDeps = SessionDeps &
  CallerDeps & {
    /** What a caller may do now. */
    readonly stateOf: (subject: Subject, options: CallOptions) => Promise<readonly WindowState[]>;
  };

/** `GET /v1/speech/ws`: our own protocol, `mynah.v1`. */
export function speechSocket(deps: SpeechSocketDeps): SocketProtocol {
  return {
    path: "/v1/speech/ws",
    choose(offered) {
      if (offered.length === 0) return undefined;
      if (offered.includes(SOCKET_PROTOCOL)) return SOCKET_PROTOCOL;
      throw new SpeechError("invalid_request", `the subprotocol spoken here is ${SOCKET_PROTOCOL}; offer it, or none`);
    },
    async admit({ request, address, requestId, query }, options) {
      const tags = tagsOf(request, ...query.getAll("tag"));
      const caller = await callerOf(deps, { secret: secretOf(request), token: query.get("token"), address }, options);
      const { user, tenant, plan } = caller;
      const states = await deps
        .stateOf({ user, ...(tenant !== undefined && { tenant }), ...(plan !== undefined && { plan }) }, options)
        .catch(() => []); // for information only
      return (opened) => new SpeechSession({ ...opened, ...tags, caller, requestId, states }, deps);
    },
  };
}
