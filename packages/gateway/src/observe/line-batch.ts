/** As much as is held back at most; one write of the system's takes no more at a time anyway. */
const MAX_HELD_CHARS = 64 * 1024;

/**
 * Writes the lines of one turn of the event loop together: under load a write for each line costs more than making the
 * lines does. Nothing is held longer than that turn.
 */
export class LineBatch {
  readonly #out: { write(text: string): unknown };
  #held = "";

  constructor(out: { write(text: string): unknown }) {
    this.#out = out;
  }

  write(line: string): void {
    if (this.#held === "") setImmediate(() => this.flush());
    this.#held += line;
    if (this.#held.length >= MAX_HELD_CHARS) this.flush();
  }

  /** At once; what is held when the process ends would be lost otherwise. */
  flush(): void {
    if (this.#held === "") return;
    const text = this.#held;
    this.#held = "";
    this.#out.write(text);
  }
}
