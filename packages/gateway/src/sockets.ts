import type { Logger } from "pino";
import type { Access } from "./access.ts";
import type { SpeechSystem } from "./compose.ts";
import type { Config } from "./config/config.ts";
import type { ClientAddress } from "./http/client-address.ts";
import { VERSION } from "./version.ts";
import { cartesiaSocket } from "./ws/cartesia/socket.ts";
import { deepgramSocket } from "./ws/deepgram/socket.ts";
import { elevenLabsSockets } from "./ws/elevenlabs/sockets.ts";
import { SocketServer } from "./ws/socket-server.ts";
import { speechSocket } from "./ws/speech-socket.ts";

/** The sockets' way in, put together: our own protocol and the vendors'. */
export function openSockets(
  config: Config,
  { speak, converse, formats, clock, limits, events, voices }: SpeechSystem,
  { authenticator, tokens }: Access,
  { log, addressOf }: { readonly log: Logger; readonly addressOf: ClientAddress },
): SocketServer {
  const onDefect = (error: unknown, requestId: string): void => log.error({ err: error, requestId }, "socket failed");
  const deps = {
    ...{ speak, converse, formats, clock, authenticator, tokens, onDefect },
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
  };
  return new SocketServer({
    protocols: [
      speechSocket({ ...deps, stateOf: (subject, options) => limits.state(subject, options) }),
      ...elevenLabsSockets(deps),
      cartesiaSocket(deps),
      deepgramSocket({ ...deps, voices, version: VERSION }),
    ],
    maxMessageBytes: config.maxBodyBytes,
    maxSockets: config.socketMax,
    maxPerAddress: config.socketMaxPerAddress,
    addressOf,
    onRefused: (error, requestId, route) =>
      events.emit("error.answered", { requestId, route, code: error.code, error }),
    onDefect,
  });
}
