/** Bytes that came in pieces, read in front as if they had come in one. Its size is the caller's business. */
export class ByteQueue {
  #buffer = new Uint8Array(4096);
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  push(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#buffer.length) this.#makeRoom(bytes.length);
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** All bytes held. Valid until the next push. */
  peek(): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  skip(count: number): void {
    this.#start += Math.min(count, this.length);
    if (this.#start === this.#end) this.#start = this.#end = 0;
  }

  /** A copy of the first bytes, which leave the queue. */
  take(count: number): Uint8Array<ArrayBuffer> {
    const taken = this.#buffer.slice(this.#start, this.#start + count);
    this.skip(count);
    return taken;
  }

  #makeRoom(count: number): void {
    const held = this.peek();
    const needed = held.length + count;
    const target =
      needed > this.#buffer.length ? new Uint8Array(Math.max(needed, this.#buffer.length * 2)) : this.#buffer;
    target.set(held, 0);
    this.#buffer = target;
    this.#start = 0;
    this.#end = held.length;
  }
}
