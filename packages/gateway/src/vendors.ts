import type { FastifyInstance } from "fastify";
import type { Access } from "./access.ts";
import type { SpeechSystem } from "./compose.ts";
import type { Config } from "./config/config.ts";
import { cartesiaSpeechRoutes } from "./http/cartesia/speech-routes.ts";
import { cartesiaTokenRoutes } from "./http/cartesia/token-routes.ts";
import { cartesiaVoicesRoutes } from "./http/cartesia/voices-routes.ts";
import { deepgramSpeakRoute } from "./http/deepgram/speak-route.ts";
import { elevenLabsAccountRoutes } from "./http/elevenlabs/account-routes.ts";
import { elevenLabsSocketRoutes } from "./http/elevenlabs/socket-routes.ts";
import { elevenLabsSpeechRoutes } from "./http/elevenlabs/speech-routes.ts";
import { elevenLabsVoicesRoutes } from "./http/elevenlabs/voices-routes.ts";

/** Other vendors' protocols over HTTP, put together. Their sockets are hung on in `sockets.ts`. */
export function vendorRoutes(
  app: FastifyInstance,
  { slowReaderTimeoutMs }: Config,
  { speak, voices, limits, clock }: SpeechSystem,
  { tokens }: Access,
): void {
  elevenLabsSpeechRoutes(app, { speak, slowReaderTimeoutMs });
  elevenLabsVoicesRoutes(app, { voices });
  elevenLabsSocketRoutes(app, { tokens });
  elevenLabsAccountRoutes(app, { stateOf: (subject, options) => limits.state(subject, options), clock });
  cartesiaSpeechRoutes(app, { speak, clock, slowReaderTimeoutMs });
  cartesiaVoicesRoutes(app, { voices });
  cartesiaTokenRoutes(app, { tokens });
  deepgramSpeakRoute(app, { speak, voices, slowReaderTimeoutMs });
}
