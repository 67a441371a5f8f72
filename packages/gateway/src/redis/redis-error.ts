import { vendor } from "./vendor.ts";

/**
 * What Redis or the way to it did. Stays inside the adapters (`redis stores limits`), which turn it into a miss or a
 * local decision. Made anew from the client's own errors, because those carry the command's arguments: passwords,
 * keys, audio.
 */
export class RedisError extends Error {
  override readonly name = "RedisError";
  /** First word of an error reply, for example `WRONGTYPE`; absent if no reply came. */
  readonly replyCode?: string;

  constructor(message: string, replyCode?: string) {
    super(message);
    if (replyCode !== undefined) this.replyCode = replyCode;
  }

  /** Wraps whatever the client threw; a RedisError passes through untouched. */
  static from(thrown: unknown): RedisError {
    if (thrown instanceof RedisError) return thrown;
    const message = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
    const isReply = thrown instanceof vendor().ReplyError;
    return new RedisError(message, isReply ? /^[A-Z]+/.exec(message)?.[0] : undefined);
  }

  /** Whether this speaks against the server as a whole, and not only against the one command. */
  get isOutage(): boolean {
    return this.replyCode === undefined || OUTAGE_REPLIES.has(this.replyCode);
  }

  /** Whether a write was refused where a read would not have been: a replica, a full server. */
  get isWriteRefused(): boolean {
    return this.replyCode !== undefined && WRITE_REFUSED.has(this.replyCode);
  }
}

/** Replies that every other command would get as well. A full or read-only server is not out: it can still be read. */
const OUTAGE_REPLIES: ReadonlySet<string> = new Set([
  "NOAUTH",
  "WRONGPASS",
  "LOADING",
  "MASTERDOWN",
  "CLUSTERDOWN",
  "BUSY",
]);

const WRITE_REFUSED: ReadonlySet<string> = new Set(["READONLY", "MISCONF", "NOREPLICAS", "OOM"]);
