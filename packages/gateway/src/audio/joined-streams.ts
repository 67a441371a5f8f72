import { LRUCache } from "lru-cache";

const MAX_BYTES = 8 << 20;
const MAX_ENTRY_BYTES = 1 << 20;

/**
 * Streams that were joined before. Pages and frames are numbered and summed anew at each join, a millisecond for a reply of a
 * few sentences, and a reply that is said often is joined of the same arrays each time: those that the cache in memory holds.
 * By them it is known; what comes out of Redis is new each time, and is not kept.
 */
export class JoinedStreams {
  readonly #numbers = new WeakMap<Uint8Array, number>();
  #count = 0;
  readonly #joined = new LRUCache<string, Uint8Array>({
    maxSize: MAX_BYTES,
    maxEntrySize: MAX_ENTRY_BYTES,
    sizeCalculation: ({ byteLength }) => byteLength,
  });

  /** The stream of these parts: joined now, unless it was before. Nobody may change it, nor the parts. */
  of(parts: readonly Uint8Array[], join: () => Uint8Array): Uint8Array {
    const name = this.#nameOf(parts);
    if (name === undefined) return join();
    const known = this.#joined.get(name);
    if (known !== undefined) return known;
    const joined = join();
    this.#joined.set(name, joined);
    return joined;
  }

  /** Undefined: one of them was never seen before. */
  #nameOf(parts: readonly Uint8Array[]): string | undefined {
    let name = "";
    let fresh = false;
    for (const part of parts) {
      const number = this.#numbers.get(part);
      if (number === undefined) {
        fresh = true;
        this.#numbers.set(part, this.#count++);
      } else name += `${number},`;
    }
    return fresh ? undefined : name;
  }
}
