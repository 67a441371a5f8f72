/** What a stand-in for somebody's service does wrong, until it is told otherwise. Each speaks its own protocol while it does so. */
export type Fault =
  /** Nobody listens: connections are refused. */
  | { readonly kind: "refuse" }
  /** An error of the protocol's own shape, before any audio. */
  | { readonly kind: "status"; readonly status: number; readonly retryAfterS?: number }
  /** Takes the request and never answers. */
  | { readonly kind: "hang" }
  /** Sends this many bytes of audio and then nothing more, the connection open. */
  | { readonly kind: "hang-after"; readonly bytes: number }
  /** All of the audio, but this slowly. */
  | { readonly kind: "trickle"; readonly chunkBytes: number; readonly everyMs: number }
  /** The connection is cut after this many bytes of audio. */
  | { readonly kind: "cut-after"; readonly bytes: number }
  /** Ends after this many bytes as if that were all. */
  | { readonly kind: "half"; readonly bytes: number }
  /** Audio of the right length and format in which nothing is heard. */
  | { readonly kind: "silence" }
  /** Random bytes that claim to be audio. */
  | { readonly kind: "noise" }
  /** Another format than was asked for. */
  | { readonly kind: "wrong-format" }
  /** Audio without end. */
  | { readonly kind: "endless" }
  /** Its clock is wrong by this much, for protocols that look at the time. */
  | { readonly kind: "clock-skew"; readonly seconds: number };

/** What every stand-in can be told and asked. */
export type StandIn = {
  readonly url: string;
  /** Undefined heals it. Holds for requests that begin from now on. */
  fault(fault: Fault | undefined): void | Promise<void>;
  /** Syntheses asked for so far. */
  readonly calls: number;
  /** Syntheses whose caller left before the end. */
  readonly cancelled: number;
  /** Connections accepted so far, to see that they are used again. */
  readonly connections: number;
  close(): Promise<void>;
};
