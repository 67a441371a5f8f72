import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { SpeechError } from "../../core/errors.ts";
import type { SignedTokens } from "../../identity/signed-token.ts";
import { subjectFields } from "../auth.ts";
import { upgradeOnly } from "../socket-routes.ts";
import { ELEVENLABS } from "./elevenlabs.ts";
import { elevenLabsCommon, elevenLabsErrors } from "./schemas.ts";

/** As long as theirs. */
const TOKEN_TTL_MS = 15 * 60 * 1000;
const config = { foreign: ELEVENLABS };

/** What HTTP has to say about ElevenLabs' sockets: tokens for browsers, and that the sockets want an upgrade. */
export function elevenLabsSocketRoutes(app: FastifyInstance, { tokens }: { readonly tokens: SignedTokens }): void {
  const schema = {
    ...elevenLabsCommon,
    summary: "A token for `single_use_token` in a socket's URL",
    description: "Of type `tts_websocket`. It holds for 15 minutes, not for one use.",
    params: Type.Object({ token_type: Type.String() }),
    response: { 200: Type.Object({ token: Type.String() }), ...elevenLabsErrors },
  };
  app.post<{ Params: { token_type: string } }>(
    "/v1/single-use-token/:token_type",
    { schema, config },
    async (request, reply) => {
      if (request.params.token_type !== "tts_websocket")
        throw new SpeechError("invalid_request", '"token_type" must be tts_websocket', { param: "token_type" });
      const { subject: user, ...within } = subjectFields(request, undefined);
      const token = tokens.sign({ purpose: "socket", user, ...within }, { ttlMs: TOKEN_TTL_MS });
      return reply.header("cache-control", "no-store").send({ token });
    },
  );
  upgradeOnly(app, "/v1/text-to-speech/:voice_id/stream-input", config);
  upgradeOnly(app, "/v1/text-to-speech/:voice_id/multi-stream-input", config);
}
