import type { FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import type { SignedTokens } from "../../identity/signed-token.ts";
import { subjectFields } from "../auth.ts";
import { upgradeOnly } from "../socket-routes.ts";
import { CARTESIA } from "./cartesia.ts";
import { cartesiaCommon, cartesiaErrors } from "./schemas.ts";

const DEFAULT_TTL_S = 60;
const TokenBody = Type.Object({
  expires_in: Type.Optional(Type.Union([Type.Integer({ minimum: 1, maximum: 3600 }), Type.Null()])),
});
const config = { foreign: CARTESIA };

/** What HTTP has to say about Cartesia's socket: tokens for browsers, and that the socket wants an upgrade. */
export function cartesiaTokenRoutes(app: FastifyInstance, { tokens }: { readonly tokens: SignedTokens }): void {
  const schema = {
    ...cartesiaCommon,
    summary: "A token for `access_token` in the socket's URL",
    body: TokenBody,
    response: { 200: Type.Object({ token: Type.String() }), ...cartesiaErrors },
  };
  app.post<{ Body: Static<typeof TokenBody> }>("/access-token", { schema, config }, async (request, reply) => {
    const { subject: user, ...within } = subjectFields(request, undefined);
    const ttlMs = (request.body.expires_in ?? DEFAULT_TTL_S) * 1000;
    const token = tokens.sign({ purpose: "socket", user, ...within }, { ttlMs });
    return reply.header("cache-control", "no-store").send({ token });
  });
  upgradeOnly(app, "/tts/websocket", config);
}
