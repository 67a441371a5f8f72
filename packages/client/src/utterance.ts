import type { ServerMessage, SpokenMark, SpokenWord, UtteranceSettings } from "@mynah/protocol";

type Told<Type extends ServerMessage["type"]> = Omit<Extract<ServerMessage, { type: Type }>, "type">;

/** What the gateway says when a socket is ready: who you are, what is left of your limits. */
export type Ready = Told<"ready">;
/** What the gateway says just before an utterance's first audio. */
export type Started = Told<"started">;

/**
 * How an utterance came to its end without an error. `spokenText` of a cancelled one is what the gateway had sent, which is at
 * most what was heard; undefined when the connection broke before it could say.
 */
export type UtteranceEnd =
  | ({ readonly outcome: "done" } & Readonly<Told<"done">>)
  | { readonly outcome: "cancelled"; readonly spokenText: string | undefined };

export type UtteranceEvents = {
  started: Started;
  words: readonly SpokenWord[];
  /** Of an SSML text, on the clock of its audio. */
  marks: readonly SpokenMark[];
};

export type UtteranceOptions = UtteranceSettings & {
  /** Cancels: `audio` and `done` reject with the signal's reason. */
  signal?: AbortSignal;
  /**
   * An utterance that is refused before it begins is asked for again after the gateway's `retryAfterMs`, as long as all its
   * waiting stays below this. Default 5,000; 0: never.
   */
  retryWithinMs?: number;
};

/** One utterance over a socket. */
export type Utterance = {
  readonly id: string;
  /**
   * The bytes in the order they arrive; boundaries mean nothing. Can be read once. Leaving the loop early cancels. Throws what
   * `done` rejects with.
   */
  readonly audio: AsyncIterable<Uint8Array>;
  /** Resolves at the first audio. Rejects as `done` does; never resolves for one that was cancelled before. */
  readonly started: Promise<Started>;
  /** Rejects with MynahError, or with the signal's reason. Nobody has to listen. */
  readonly done: Promise<UtteranceEnd>;
  /** The word times so far; only with `words: true`. */
  readonly words: readonly SpokenWord[];
  /** The marks of an SSML text so far. */
  readonly marks: readonly SpokenMark[];
  /** Returns what takes the listener away again. */
  on<Name extends keyof UtteranceEvents>(name: Name, listener: (value: UtteranceEvents[Name]) => void): () => void;
  /** Barge-in: `audio` ends now, nothing that is still on its way is given out. Resolves as `done` does. */
  cancel(): Promise<UtteranceEnd>;
};

/** An utterance whose text you write piece by piece. */
export type TextUtterance = Utterance & {
  /** In any pieces. Resolves when more is welcome; never rejects. */
  append(text: string): Promise<void>;
  /** Speaks what was written, complete or not. */
  flush(): void;
  /** No more text. */
  end(): void;
};
