export type { AudioFormatName, ModelInfo, SpokenWord, UtteranceSettings, VoiceInfo } from "@mynah/protocol";
export { AUDIO_FORMATS } from "@mynah/protocol";
export type { BackoffOptions } from "./backoff.ts";
export { type CacheOutcome, type CacheState, parseCacheStatus } from "./cache-outcome.ts";
export { type ConnectOptions, connect, type SocketEvents, type SpeechSocket } from "./connect.ts";
export {
  type CallOptions,
  type Client,
  type ClientOptions,
  createClient,
  type SpeakOptions,
  type Speech,
  speechRequest,
} from "./create-client.ts";
export { MynahError, type MynahErrorDetails } from "./mynah-error.ts";
export type { SocketAddress, WebSocketClass } from "./open-socket.ts";
export type { ServerTiming } from "./server-timing.ts";
export type {
  Ready,
  Started,
  TextUtterance,
  Utterance,
  UtteranceEnd,
  UtteranceEvents,
  UtteranceOptions,
} from "./utterance.ts";
