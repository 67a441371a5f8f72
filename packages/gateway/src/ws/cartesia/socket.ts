import { CARTESIA } from "../../http/cartesia/cartesia.ts";
import { tagsOf } from "../../http/tags.ts";
import { type CallerDeps, callerOf } from "../caller.ts";
import type { SocketProtocol } from "../socket-protocol.ts";
import type { SessionDeps } from "../speech-session.ts";
import { CartesiaSession } from "./session.ts";

/** Cartesia's `/tts/websocket`. Browsers put the key, or a token of `POST /access-token`, into the URL, as Cartesia's client does. */
export function cartesiaSocket(deps: SessionDeps & CallerDeps): SocketProtocol {
  return {
    path: "/tts/websocket",
    foreign: CARTESIA,
    async admit({ request, address, requestId, query }, options) {
      const tags = tagsOf(request, ...query.getAll("tag"));
      const secret = CARTESIA.secretOf(request) ?? query.get("api_key") ?? undefined;
      const caller = await callerOf(deps, { secret, token: query.get("access_token"), address }, options);
      return (opened) => new CartesiaSession({ ...opened, requestId, caller, ...tags }, deps);
    },
  };
}
