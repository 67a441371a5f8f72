import type { ErrorCode } from "./errors.ts";

export type JobKind = "purge" | "warm";
/** `lost`: the server that ran it has not been heard of. */
export type JobState = "running" | "done" | "failed" | "cancelled" | "lost";

export type PurgeResult = { readonly seen: number; readonly removed: number };
export type WarmResult = {
  /** Segments that were there, or that somebody else had made meanwhile. */
  readonly hits: number;
  readonly made: number;
  /** Phrases that could not be said whole. */
  readonly failed: number;
  /** That engines were asked to say. */
  readonly characters: number;
  /** Null: an engine that spoke has no `costPerMillionChars`. */
  readonly cost: number | null;
  /** How often each error came. */
  readonly failures: Readonly<Partial<Record<ErrorCode, number>>>;
  /** The first phrases that failed, counted from 0. */
  readonly failedPhrases: readonly { readonly at: number; readonly code: ErrorCode }[];
};

/** A long piece of an administrator's work, as it is told to whoever asks. Never holds spoken text. */
export type Job = {
  readonly id: string;
  readonly kind: JobKind;
  /** What is purged, or as whom is warmed, in a few words. */
  readonly about: string;
  readonly by: string;
  readonly state: JobState;
  readonly startedAtMs: number;
  readonly updatedAtMs: number;
  readonly endedAtMs: number | null;
  readonly done: number;
  /** Null: nobody knows how many there are. */
  readonly total: number | null;
  readonly purge?: PurgeResult;
  readonly warm?: WarmResult;
  /** Why it failed. */
  readonly error: string | null;
};

/** What a running job tells of itself. */
export type JobUpdate = Partial<Pick<Job, "done" | "total" | "purge" | "warm">>;
