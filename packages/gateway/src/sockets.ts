import type { Logger } from "pino";
import type { Access } from "./access.ts";
import type { SpeechSystem } from "./compose.ts";
import type { Config } from "./config/config.ts";
import { callerOf } from "./ws/caller.ts";
import { SOCKET_PATH, SocketServer } from "./ws/socket-server.ts";

/** The sockets' way in, put together. */
export function openSockets(
  config: Config,
  { speak, converse, formats, clock, limits, events }: SpeechSystem,
  { authenticator, tokens }: Access,
  log: Logger,
): SocketServer {
  return new SocketServer({
    speak,
    converse,
    formats,
    clock,
    maxMessageBytes: config.maxBodyBytes,
    maxSockets: config.socketMax,
    maxPerAddress: config.socketMaxPerAddress,
    identify: (request, address, options) => callerOf({ authenticator, tokens }, request, address, options),
    stateOf: (subject, options) => limits.state(subject, options),
    onRefused: (error, requestId) =>
      events.emit("error.answered", { requestId, route: SOCKET_PATH, code: error.code, error }),
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
}
