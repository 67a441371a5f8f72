export { createGateway, type Gateway, type GatewayOverrides } from "./app.ts";
export { type Config, ConfigError, type ConfigInput, type EngineConfig } from "./config/config.ts";
export { AUDIO_FORMAT_NAMES, type AudioFormat, type AudioFormatName } from "./core/audio-format.ts";
export { ERROR_CODES, type ErrorCode, SpeechError } from "./core/errors.ts";
export type {
  CallOptions,
  EngineCapabilities,
  SpeechEngine,
  SynthesisChunk,
  SynthesisRequest,
  WordTime,
} from "./core/ports.ts";
export type { Gender, Voice } from "./core/voice.ts";
export {
  createTtsManager,
  type PerformanceMetrics,
  type SynthesizedSpeech,
  type SynthesizeOptions,
  type TtsManager,
} from "./tts-manager.ts";
export { VERSION } from "./version.ts";
