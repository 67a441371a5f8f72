import type { SpokenInput } from "@mynah/protocol";
import type { BackoffOptions } from "./backoff.ts";
import type { MynahError } from "./mynah-error.ts";
import type { SocketAddress } from "./open-socket.ts";
import { RenewedSocket } from "./renewed-socket.ts";
import type { Ready, TextUtterance, Utterance, UtteranceOptions } from "./utterance.ts";

export type ConnectOptions = SocketAddress & {
  /** Between attempts to connect. */
  backoff?: BackoffOptions;
  /** How much audio of one utterance may wait to be read before it is given up as `reader_too_slow`. Default 32 MiB. */
  maxBufferedBytes?: number;
  /** How long the gateway may say nothing while it owes something, before the connection counts as dead. Default 30,000. */
  silenceTimeoutMs?: number;
  /** Closes the socket. */
  signal?: AbortSignal;
};

export type SocketEvents = {
  /** Connected, also again. */
  ready: Ready;
  /** The connection was lost, or could not be had. */
  lost: MynahError;
};

/** One connection to the gateway, renewed when it is lost, for any number of utterances. */
export type SpeechSocket = {
  /** Says this text, plain or SSML, or this dialogue. Words beyond what the gateway takes at a time wait for their turn. */
  speak(options: UtteranceOptions & SpokenInput): Utterance;
  /** Says what you will write. */
  open(options?: UtteranceOptions): TextUtterance;
  /**
   * Says what a language model writes, while it writes it. When the utterance ends, for whatever reason, the iterable is left;
   * what the iterable throws is what `done` rejects with.
   */
  stream(text: AsyncIterable<string> | Iterable<string>, options?: UtteranceOptions): Utterance;
  /** Cancels whatever is being said or waits to be. */
  cancel(): Promise<void>;
  on<Name extends keyof SocketEvents>(name: Name, listener: (value: SocketEvents[Name]) => void): () => void;
  /** Ends everything; utterances that are not done fail with `closed`. In Node an open socket keeps the process alive. */
  close(): Promise<void>;
};

/** Begins to connect and returns at once: what is said meanwhile is sent as soon as the gateway is ready. */
export function connect(options: ConnectOptions): SpeechSocket {
  return new RenewedSocket(options);
}
