const MAX_HELD_CHARS = 16 * 1024;
const MAX_HELD_MS = 100;

/**
 * Writes lines in batches: under load a write for each line costs several times what making the line does. A line is held
 * for a tenth of a second at most.
 */
export class LineBatch {
  readonly #out: { write(text: string): unknown };
  #held = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(out: { write(text: string): unknown }) {
    this.#out = out;
  }

  write(line: string): void {
    this.#held += line;
    if (this.#held.length >= MAX_HELD_CHARS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), MAX_HELD_MS).unref();
  }

  /** At once. Has to be called when the process ends, or the last lines are lost. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#held === "") return;
    const text = this.#held;
    this.#held = "";
    this.#out.write(text);
  }
}
