import { SpeechError } from "../core/errors.ts";
import type { CallOptions } from "../core/ports.ts";
import type { Authenticator } from "../identity/authenticator.ts";
import type { Identity } from "../identity/identity.ts";
import type { SignedTokens } from "../identity/signed-token.ts";

export type CallerDeps = { readonly authenticator: Authenticator; readonly tokens: SignedTokens };

/** What a socket is opened with: a key or a JWT, or a token of ours. */
export type SocketCredential = {
  readonly secret: string | undefined;
  readonly token: string | null;
  readonly address: string;
};

/**
 * Who opens a socket: by the headers of HTTP, or by a token in the URL, for browsers, whose WebSocket cannot set any. Only a
 * token that was signed here for sockets and is over in a minute may stand in a URL: URLs are logged everywhere.
 */
export async function callerOf(
  { authenticator, tokens }: CallerDeps,
  { secret, token, address }: SocketCredential,
  options: CallOptions,
): Promise<Identity> {
  if (token === null || secret !== undefined) return authenticator.identify({ secret, address }, options);
  const claims = tokens.verify(token, "socket");
  if (claims !== undefined) {
    const { user, tenant, plan } = claims;
    return {
      user,
      ...(tenant !== undefined && { tenant }),
      ...(plan !== undefined && { plan }),
      admin: false,
      by: "token",
    };
  }
  authenticator.refused({ secret: token, address });
  throw new SpeechError("unauthorized", "this token is over or was not made here; get one by POST /v1/speech/tokens");
}
