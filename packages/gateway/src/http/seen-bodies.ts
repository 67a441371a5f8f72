import { parseStrictJson } from "./strict-json.ts";

/** Longer ones are seldom sent twice. */
const MAX_BODY_BYTES = 1024;
const MAX_BODIES = 500;

/**
 * Bodies that were sent before, byte for byte: what is said often is asked for often, in the same words, and what reading and
 * checking it found the last time still holds. What is given is frozen: all who send it share it.
 */
export class SeenBodies {
  /** By the bytes, one a character; oldest first. */
  readonly #bodies = new Map<string, object>();

  /** JSON as a value. Throws as `parseStrictJson` does. */
  parse(body: Buffer): unknown {
    if (body.byteLength > MAX_BODY_BYTES) return parseStrictJson(body);
    const bytes = body.toString("latin1");
    const known = this.#bodies.get(bytes);
    if (known !== undefined) return known;
    const value = parseStrictJson(body);
    if (typeof value !== "object" || value === null) return value;
    if (this.#bodies.size >= MAX_BODIES) this.#bodies.delete(this.#bodies.keys().next().value!);
    this.#bodies.set(bytes, deepFrozen(value));
    return value;
  }
}

function deepFrozen<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === "object" && inner !== null) deepFrozen(inner);
  return Object.freeze(value);
}
