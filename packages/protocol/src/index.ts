import type { SpokenMark, SpokenWord } from "./socket.ts";

export * from "./engine-stats.ts";
export * from "./gateway-stats.ts";
export * from "./socket.ts";
export * from "./stats-history.ts";

/** Audio formats of `POST /v1/audio/speech`, named as OpenAI names them. */
export const AUDIO_FORMATS = ["mp3", "opus", "aac", "flac", "wav", "pcm"] as const;
export type AudioFormatName = (typeof AUDIO_FORMATS)[number];

/** Body of `POST /v1/audio/speech`: OpenAI's fields, and ours that OpenAI does not have. */
export type SpeechRequest = {
  model: string;
  input: string;
  voice: string | { id: string };
  instructions?: string;
  response_format?: AudioFormatName;
  /** 0.25 to 4; 1 is the voice's own speed. */
  speed?: number;
  stream_format?: "audio" | "sse";
  /** The end user on whose behalf this is said; limits count per user. */
  user?: string;
  /** 0.5 to 2; 1 is the voice's own pitch. Mynah's own field. */
  pitch?: number;
  /** 0.1 to 4; 1 is the voice's own loudness, 2 is 6 dB more. Mynah's own field. */
  volume?: number;
  /** One of the voice's `styles`. Mynah's own field. */
  style?: string;
  /** For engines that draw lots: the same seed, the same audio. Mynah's own field. */
  seed?: number;
  /** Whether Markdown, emoji, code blocks and bare links are taken out first; default: as the gateway is configured. */
  clean?: boolean;
  /** BCP-47. Mynah's own field. */
  language?: string;
  /** A name under which what is said can be purged. Mynah's own field. */
  tag?: string;
  /** How `input` is written; default `text`. Mynah's own field. */
  input_type?: "text" | "ssml";
};

/** What one voice says in a dialogue; what it leaves out is that of the request. */
export type Turn = {
  text: string;
  voice?: string;
  speed?: number;
  pitch?: number;
  volume?: number;
  style?: string;
  seed?: number;
  instructions?: string;
  /** BCP-47. */
  language?: string;
};

/** Body of `POST /v1/audio/speech` for a dialogue in one answer. */
export type DialogueRequest = Omit<SpeechRequest, "input" | "voice"> & {
  /** Of the turns that name none. */
  voice?: string | { id: string };
  turns: Turn[];
  /** Silence between two turns, in milliseconds. */
  turn_pause_ms?: number;
};

/** Body of `POST /v1/speech/subtitles`: that of `POST /v1/audio/speech`, whose audio they belong to. */
export type SubtitlesRequest = Omit<SpeechRequest, "stream_format"> & { subtitle_format?: "srt" | "vtt" | "json" };

/** What `subtitle_format: "json"` gives. */
export type SubtitleWords = {
  durationMs: number;
  words: SpokenWord[];
  /** Of an SSML text that has any. */
  marks?: SpokenMark[];
};

/** The body of every refusal and failure, on OpenAI's routes and ours alike. */
export type ErrorBody = {
  error: { message: string; type: string; param: string | null; code: string | null };
};

/** Events of `stream_format: "sse"`. */
export type SpeechAudioDelta = { type: "speech.audio.delta"; audio: string };
/** A mark of an SSML text; Mynah's own event. */
export type SpeechAudioMark = { type: "speech.audio.mark"; name: string; time_ms: number; estimated?: true };
export type SpeechAudioDone = {
  type: "speech.audio.done";
  usage: { input_tokens: number; output_tokens: number; total_tokens: number };
};

/** One entry of `GET /v1/audio/voices`. */
export type VoiceInfo = {
  /** What to send as `voice`: unique over all engines. */
  id: string;
  name: string;
  /** BCP-47. */
  language: string;
  gender: "female" | "male" | "neutral" | null;
  engine: string;
  /** What follows is there where the engine says it. */
  age?: "child" | "young" | "middle" | "old";
  /** In a word, for example `british`. */
  accent?: string;
  /** Further languages, BCP-47. */
  languages?: string[];
  /** Ways of speaking, for example `cheerful`. */
  styles?: string[];
};
export type VoiceList = { voices: VoiceInfo[] };

/** One entry of `GET /v1/models`, in OpenAI's shape. */
export type ModelInfo = { id: string; object: "model"; created: number; owned_by: string };
export type ModelList = { object: "list"; data: ModelInfo[] };
