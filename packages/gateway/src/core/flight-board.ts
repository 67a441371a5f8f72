import type { AudioFormat } from "./audio-format.ts";
import type { CacheKey } from "./cache-key.ts";
import type { ErrorCode } from "./errors.ts";
import type { CallOptions, WordPlace } from "./ports.ts";

/** A piece of a synthesis as other servers get it. */
export type LivePiece = { readonly audio?: Uint8Array; readonly words?: readonly WordPlace[] };

/** How a leader ends its flight; `left`: without a result, somebody else may take over. */
export type FlightEnd =
  | { readonly how: "done" }
  | { readonly how: "failed"; readonly code: ErrorCode; readonly engine?: string; readonly retryAfterMs?: number }
  | { readonly how: "left" };

/** The same for a follower; `lost`: the leader is gone, `unreachable`: the board is, or what is on it makes no sense. */
export type FollowedEnd = FlightEnd | { readonly how: "lost" } | { readonly how: "unreachable" };

/** What a leader does. Nothing here rejects or waits for a slow board: whoever cannot reach it just speaks on alone. */
export interface FlightLead {
  /** Whether another server may have taken over meanwhile. */
  readonly lost: boolean;
  /** In order, soon, and to nobody once another server has taken over. */
  publish(piece: LivePiece): void;
  /** After the last piece. Later calls do nothing. */
  end(end: FlightEnd): Promise<void>;
  /** Ends as `left`, unless somebody follows. True: ended, or there is nobody who could follow. */
  leaveUnlessFollowed(): Promise<boolean>;
}

/** The flight of another server: its pieces from the first one on, then live. The last value is always an end. */
export interface LiveFlight {
  follow(options: CallOptions): AsyncIterable<LivePiece | FollowedEnd>;
}

export type FlightSeat =
  | { readonly role: "leader"; readonly lead: FlightLead }
  | { readonly role: "follower"; readonly flight: LiveFlight }
  /** The board cannot be asked. */
  | { readonly role: "alone" };

export type BoardOptions = CallOptions & {
  readonly format: AudioFormat;
  /** Whether a flight that is over, but still on the board, will do. */
  readonly joinEnded: boolean;
};

/** Where servers agree who makes a segment, and pass it on to each other while it is made. */
export interface FlightBoard {
  /** The one free lead of this flight, or a place among those who follow. Rejects only with the signal's reason. */
  board(key: CacheKey, options: BoardOptions): Promise<FlightSeat>;
  close(): Promise<void>;
}
