import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../../core/clock.ts";

/** Seconds from the epoch of Windows file times (1601) to the Unix one. */
const WINDOWS_EPOCH_S = 11_644_473_600;
/** A token holds for this long; its time is rounded down to it. */
const TOKEN_STEP_S = 300;

export type EdgeAccessOptions = {
  readonly clock: Clock;
  readonly trustedClientToken: string;
  /** Of the browser that we say we are, for example `143.0.3650.75`. */
  readonly chromiumVersion: string;
};

/**
 * What the service wants to see of a client: the tokens of its address and the headers of the browser. The token is a hash
 * of the time; whether ours is right the service says with a 403, in whose `Date` header is its own.
 */
export class EdgeAccess {
  readonly #options: EdgeAccessOptions;
  #skewMs = 0;

  constructor(options: EdgeAccessOptions) {
    this.#options = options;
  }

  /** `Sec-MS-GEC`: the time in steps of five minutes, counted in 100 ns since 1601, and the client's token, hashed. */
  token(): string {
    const seconds = Math.floor((this.#options.clock.now() + this.#skewMs) / 1000) + WINDOWS_EPOCH_S;
    const ticks = `${seconds - (seconds % TOKEN_STEP_S)}0000000`;
    return createHash("sha256").update(`${ticks}${this.#options.trustedClientToken}`).digest("hex").toUpperCase();
  }

  socketQuery(): string {
    const { trustedClientToken } = this.#options;
    return `TrustedClientToken=${trustedClientToken}&ConnectionId=${newId()}&${this.#tokenQuery()}`;
  }

  listQuery(): string {
    return `trustedclienttoken=${this.#options.trustedClientToken}&${this.#tokenQuery()}`;
  }

  socketHeaders(): Record<string, string> {
    return {
      Pragma: "no-cache",
      "Cache-Control": "no-cache",
      Origin: "chrome-extension://jdiccldimpdaibmpdkjnbmckianbfold",
      "Accept-Encoding": "gzip, deflate, br, zstd",
      ...this.listHeaders(),
    };
  }

  /** Without `Accept-Encoding`, which `fetch` sets to what it can read. */
  listHeaders(): Record<string, string> {
    const major = this.#options.chromiumVersion.split(".", 1)[0];
    const browser = `Chrome/${major}.0.0.0 Safari/537.36 Edg/${major}.0.0.0`;
    return {
      "User-Agent": `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) ${browser}`,
      "Accept-Language": "en-US,en;q=0.9",
      Cookie: `muid=${randomBytes(16).toString("hex").toUpperCase()};`,
    };
  }

  /** Takes over the service's time from a refusal. False: there was none in it, so trying again is no use. */
  learn(date: string | null | undefined): boolean {
    const serviceMs = Date.parse(date ?? "");
    if (Number.isNaN(serviceMs)) return false;
    this.#skewMs = serviceMs - this.#options.clock.now();
    return true;
  }

  #tokenQuery(): string {
    return `Sec-MS-GEC=${this.token()}&Sec-MS-GEC-Version=1-${this.#options.chromiumVersion}`;
  }
}

/** 32 hexadecimal digits, as connections and requests are numbered. */
export function newId(): string {
  return randomBytes(16).toString("hex");
}
