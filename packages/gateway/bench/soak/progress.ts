/** One line that is written over on a terminal; now and then a line elsewhere. */
export class Progress {
  readonly #describe: () => string;
  readonly #timer: NodeJS.Timeout;
  readonly #stream = process.stderr;

  constructor(describe: () => string) {
    this.#describe = describe;
    this.#timer = setInterval(() => this.#write(), this.#stream.isTTY ? 500 : 10_000);
  }

  stop(): void {
    clearInterval(this.#timer);
    if (this.#stream.isTTY) this.#stream.write("\r\x1b[K");
  }

  #write(): void {
    if (!this.#stream.isTTY) this.#stream.write(`${this.#describe()}\n`);
    else this.#stream.write(`\r\x1b[K${this.#describe().slice(0, (this.#stream.columns ?? 80) - 1)}`);
  }
}

const BAR_CELLS = 20;

/** How much of it is over, as a bar and as minutes. */
export function bar(elapsedMs: number, wholeMs: number): string {
  const full = Math.round(Math.min(1, elapsedMs / wholeMs) * BAR_CELLS);
  const clock = (ms: number): string => {
    const seconds = Math.round(ms / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  };
  return `[${"#".repeat(full)}${".".repeat(BAR_CELLS - full)}] ${clock(Math.min(elapsedMs, wholeMs))} of ${clock(wholeMs)}`;
}
