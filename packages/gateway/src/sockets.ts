import { randomBytes } from "node:crypto";
import type { Logger } from "pino";
import type { Access } from "./access.ts";
import type { SpeechSystem } from "./compose.ts";
import { type Config, ConfigError } from "./config/config.ts";
import { type SignedTokens, signedTokens } from "./identity/signed-token.ts";
import { callerOf } from "./ws/caller.ts";
import { SocketServer } from "./ws/socket-server.ts";

/** The sockets' way in, put together, and the tokens that open them. */
export function openSockets(
  config: Config,
  { speak, converse, formats, clock, limits }: SpeechSystem,
  { authenticator }: Access,
  log: Logger,
): { readonly sockets: SocketServer; readonly tokens: SignedTokens } {
  const tokens = openTokens(config.signingSecret, clock);
  const sockets = new SocketServer({
    speak,
    converse,
    formats,
    clock,
    maxMessageBytes: config.maxBodyBytes,
    maxSockets: config.socketMax,
    maxPerAddress: config.socketMaxPerAddress,
    identify: (request, address, options) => callerOf({ authenticator, tokens }, request, address, options),
    stateOf: (subject, options) => limits.state(subject, options),
    onDefect: (error, requestId) => log.error({ err: error, requestId }, "socket failed"),
    limits: {
      maxUtterances: config.socketMaxUtterances,
      maxTextChars: config.maxTextChars,
      messagesPerSecond: config.socketMessagesPerSecond,
      idleTimeoutMs: config.socketIdleTimeoutSeconds * 1000,
      pingMs: config.socketPingSeconds * 1000,
      slowReaderTimeoutMs: config.slowReaderTimeoutMs,
      textPauseMs: config.socketTextPauseMs,
      sentencePauseMs: config.socketSentencePauseMs,
    },
  });
  return { sockets, tokens };
}

function openTokens(secret = randomBytes(32).toString("hex"), clock: SpeechSystem["clock"]): SignedTokens {
  try {
    return signedTokens({ secret, clock });
  } catch (error) {
    throw error instanceof RangeError ? new ConfigError(`SIGNING_SECRET: ${error.message}`) : error;
  }
}
