import type { AudioFormatName, Turn } from "./index.ts";

/** Subprotocol of `GET /v1/speech/ws`; a client offers it, the gateway chooses it. */
export const SOCKET_PROTOCOL = "mynah.v1";

/** Close codes of our own, beside RFC 6455's. */
export const SOCKET_CLOSE = {
  goingAway: 1001,
  unsupportedData: 1003,
  tooLarge: 1009,
  internal: 1011,
  unauthorized: 4401,
  idle: 4408,
  tooManyMessages: 4429,
  slowReader: 4430,
} as const;

/** How an utterance is to be spoken; on `append`, only on the first of its id. */
export type UtteranceSettings = {
  voice?: string;
  model?: string;
  format?: AudioFormatName;
  /** 0.25 to 4; 1 is the voice's own speed. */
  speed?: number;
  /** 0.5 to 2; 1 is the voice's own pitch. */
  pitch?: number;
  /** 0.1 to 4; 1 is the voice's own loudness. */
  volume?: number;
  instructions?: string;
  /** One of the voice's `styles`. */
  style?: string;
  /** An integer, for engines that draw lots. */
  seed?: number;
  /** Whether Markdown, emoji, code blocks and bare links are taken out first; default: as the gateway is configured. */
  clean?: boolean;
  /** BCP-47. */
  language?: string;
  /** The end user on whose behalf this is said; limits count per user. */
  user?: string;
  /** A name under which what is said can be purged: up to 64 letters, digits and `. _ : / @ -`. */
  tag?: string;
  /** Word times are wanted. */
  words?: boolean;
};

/** What is spoken at once: a text, plain or SSML, or a dialogue. */
export type SpokenInput = {
  /** How the text, or that of every turn, is written; default `text`. */
  inputType?: "text" | "ssml";
} & ({ text: string; turns?: never; turnPauseMs?: never } | { text?: never; turns: Turn[]; turnPauseMs?: number });

/** Client → server. `id` is the client's own, 1 to 128 characters, and names one utterance while it runs. */
export type ClientMessage =
  | ({ type: "speak"; id: string } & SpokenInput & UtteranceSettings)
  | ({ type: "append"; id: string; text: string } & UtteranceSettings)
  /** Speaks what is buffered, complete or not. */
  | { type: "flush"; id: string }
  /** No more text. */
  | { type: "end"; id: string }
  /** Barge-in. */
  | { type: "cancel"; id: string };

/** When a word is heard, on the clock of its utterance's audio. */
export type SpokenWord = {
  text: string;
  startMs: number;
  endMs: number;
  /** The engine gave no times: these were reckoned from the text and the length of the audio. */
  estimated?: true;
};

/** When a mark of an SSML text is reached, on the clock of its utterance's audio. */
export type SpokenMark = {
  name: string;
  timeMs: number;
  /** Reckoned, as its words were. */
  estimated?: true;
};

/** What is not done as it was asked, and spoken all the same; where in an SSML text that is. */
export type SpeechNotice = { message: string; line?: number; column?: number };

/** Server → client. */
export type ServerMessage =
  | {
      type: "ready";
      protocol: typeof SOCKET_PROTOCOL;
      user: string;
      limits: { name: string; unit: string; limit: number; remaining: number; resetMs: number }[];
      /** Seconds without any message after which the socket is closed. */
      idleTimeoutS: number;
      maxUtterances: number;
    }
  /** `stream` stands in front of each of its binary frames as a uint32, big-endian; audio bytes follow. */
  | {
      type: "started";
      id: string;
      stream: number;
      format: AudioFormatName;
      sampleRateHz: number;
      engine: string;
      voice: string;
      /** What is not done as it was asked. */
      notices?: SpeechNotice[];
      /** Settings that this engine, in place of one that failed, cannot be told. */
      ignored?: string[];
    }
  | { type: "words"; id: string; words: SpokenWord[] }
  /** Of an SSML text, each as soon as it is known when it is reached. */
  | { type: "marks"; id: string; marks: SpokenMark[] }
  | {
      type: "done";
      id: string;
      fromCache: boolean;
      durationMs: number;
      bytes: number;
      /** From the first text to the first audio, in the gateway. */
      latencyMs: number;
      engine: string;
      segments: { hit: number; miss: number; coalesced: number; stale: number };
    }
  /** `spokenText`: of the segments whose audio was sent whole, and of the one that was cut the words sent so far. */
  | { type: "cancelled"; id: string; spokenText: string }
  /** With an id it ends that utterance, never the socket. */
  | { type: "error"; id?: string; code: string; message: string; retryAfterMs?: number; spokenText?: string };

/** Answer of `POST /v1/speech/tokens`: `token` opens `/v1/speech/ws?token=…`. */
export type SocketToken = { token: string; expiresInS: number };

/** `sockets` of `GET /v1/stats`: those of this server now, and the utterances that run on them. */
export type SocketStats = { open: number; utterances: number };
