import { isUtf8 } from "node:buffer";
import { SpeechError } from "../core/errors.ts";

/** JSON as a value; errors call it `what`. Throws `invalid_json` for bad UTF-8, bad JSON and objects that name a key twice. */
export function parseStrictJson(body: Buffer, what = "body"): unknown {
  if (!isUtf8(body)) throw new SpeechError("invalid_json", `the ${what} is not valid UTF-8`);
  const text = body.toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SpeechError("invalid_json", `the ${what} is not valid JSON`, { cause });
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) {
    throw new SpeechError("invalid_json", `the ${what} names "${twice.slice(0, 80)}" twice`, {
      param: twice.slice(0, 80),
    });
  }
  return value;
}

/**
 * The first key that an object of this (valid) JSON names twice. JSON.parse silently takes the last of them, and what
 * checks the request in front of us may have taken the first. By character codes and without a set for the few keys that
 * a request has: this runs for every body.
 */
export function duplicateKey(json: string): string | undefined {
  let keys: Keys | undefined; // of the object that we are in; undefined in an array
  const around: (Keys | undefined)[] = [];
  let expectKey = false;
  for (let at = 0; at < json.length; at++) {
    switch (json.charCodeAt(at)) {
      case OPEN_OBJECT:
        around.push(keys);
        keys = new Keys();
        expectKey = true;
        break;
      case OPEN_ARRAY:
        around.push(keys);
        keys = undefined;
        expectKey = false;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        keys = around.pop();
        expectKey = false;
        break;
      case COMMA:
        expectKey = keys !== undefined;
        break;
      case QUOTE: {
        const end = stringEnd(json, at);
        if (expectKey) {
          const key = unescaped(json, at, end);
          if (!keys!.add(key)) return key;
          expectKey = false;
        }
        at = end;
      }
    }
  }
  return undefined;
}

const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY, COMMA, QUOTE, BACKSLASH] = [
  0x7b, 0x7d, 0x5b, 0x5d, 0x2c, 0x22, 0x5c,
];
const MANY_KEYS = 16;

/** The keys of one object: looked through while they are few. */
class Keys {
  readonly #few: string[] = [];
  #many: Set<string> | undefined;

  /** False if it is here already. */
  add(key: string): boolean {
    if (this.#few.includes(key) || this.#many?.has(key)) return false;
    if (this.#few.length < MANY_KEYS) this.#few.push(key);
    else this.#many = (this.#many ?? new Set()).add(key);
    return true;
  }
}

function unescaped(json: string, start: number, end: number): string {
  const inner = json.slice(start + 1, end);
  return inner.includes("\\") ? (JSON.parse(json.slice(start, end + 1)) as string) : inner;
}

function stringEnd(json: string, start: number): number {
  let end = json.indexOf('"', start + 1);
  while (isEscaped(json, end)) end = json.indexOf('"', end + 1);
  return end;
}

function isEscaped(json: string, at: number): boolean {
  let slashes = 0;
  while (json.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
  return slashes % 2 === 1;
}
