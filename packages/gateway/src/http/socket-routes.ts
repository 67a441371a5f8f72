import type { FastifyContextConfig, FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import { SpeechError } from "../core/errors.ts";
import type { SignedTokens } from "../identity/signed-token.ts";
import { subjectFields } from "./auth.ts";
import { errorResponses } from "./schemas.ts";

const DEFAULT_TTL_S = 60;
const MAX_TTL_S = 3_600;

const TokenBody = Type.Object(
  {
    user: Type.Optional(
      Type.String({ minLength: 1, maxLength: 512, description: "The end user who will speak; limits count per user." }),
    ),
    expiresInS: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_TTL_S, default: DEFAULT_TTL_S })),
  },
  { additionalProperties: false },
);
const TokenAnswer = Type.Object({
  token: Type.String({ description: "For `/v1/speech/ws?token=…`." }),
  expiresInS: Type.Integer(),
});

/** What HTTP has to say about sockets: tokens for browsers, and that the socket's own route wants an upgrade. */
export function socketRoutes(app: FastifyInstance, { tokens }: { readonly tokens: SignedTokens }): void {
  const schema = {
    summary: "A short-lived token to open a socket with",
    description: "A browser cannot set headers on a WebSocket; its server gets it a token, good for opening only.",
    tags: ["speech"],
    body: TokenBody,
    response: { 201: TokenAnswer, ...errorResponses },
  };
  app.post<{ Body: Static<typeof TokenBody> }>("/v1/speech/tokens", { schema }, async (request, reply) => {
    const { expiresInS = DEFAULT_TTL_S, user: endUser } = request.body;
    const { subject: user, ...within } = subjectFields(request, endUser);
    const token = tokens.sign({ purpose: "socket", user, ...within }, { ttlMs: expiresInS * 1000 });
    return reply.status(201).header("cache-control", "no-store").send({ token, expiresInS });
  });

  upgradeOnly(app, "/v1/speech/ws");
}

/** Tells who asks for a socket's route by plain HTTP what it is. */
export function upgradeOnly(app: FastifyInstance, path: string, config: FastifyContextConfig = {}): void {
  app.get(path, { schema: { hide: true }, config }, async (_, reply) => {
    reply.header("upgrade", "websocket").header("connection", "Upgrade");
    throw new SpeechError("upgrade_required", "this route is a WebSocket: connect with ws:// or wss://");
  });
}
