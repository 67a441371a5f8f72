export type { AudioFormatName, ModelInfo, VoiceInfo } from "@mynah/protocol";
export { AUDIO_FORMATS } from "@mynah/protocol";
export { type CacheOutcome, type CacheState, parseCacheStatus } from "./cache-outcome.ts";
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
export type { ServerTiming } from "./server-timing.ts";
