import { concat } from "../../core/async.ts";

const QUOTE = 0x22;

export type Base64FieldOptions = {
  /** The field whose string is the audio. */
  readonly field: string;
  /** Of all that stands around that string. */
  readonly maxRestBytes: number;
};

/**
 * The one long base64 string in a JSON object, decoded while it arrives: audio need not wait for its end, and minutes of
 * it are never held twice. The rest of the object, the string left out, is there at the end.
 */
export class Base64Field {
  readonly #begins: RegExp;
  readonly #maxRestBytes: number;
  #rest: Uint8Array[] = [];
  #restBytes = 0;
  #place: "before" | "inside" | "after" = "before";
  /** Characters that do not make three bytes yet, or may be half an escape. */
  #pending = "";

  constructor({ field, maxRestBytes }: Base64FieldOptions) {
    this.#begins = new RegExp(`"${field}"\\s*:\\s*"`);
    this.#maxRestBytes = maxRestBytes;
  }

  /** What these bytes hold of the audio. Throws for a rest that is too long. */
  push(bytes: Uint8Array): Uint8Array {
    if (this.#place === "after") this.#keep(bytes);
    if (this.#place !== "before") return this.#place === "inside" ? this.#inside(bytes) : new Uint8Array();
    const all = concat([...this.#rest, bytes]);
    const found = this.#begins.exec(Buffer.from(all).toString("latin1"));
    if (found === null) {
      this.#keep(bytes);
      return new Uint8Array();
    }
    const begin = found.index + found[0].length;
    this.#rest = [all.subarray(0, begin)];
    this.#restBytes = begin;
    this.#place = "inside";
    return this.#inside(all.subarray(begin));
  }

  /** The object without the string. Throws for one that is torn or no JSON. */
  finish(): unknown {
    if (this.#place === "inside") throw new Error("the audio does not end");
    return JSON.parse(Buffer.from(concat(this.#rest)).toString("utf8")) as unknown;
  }

  #inside(bytes: Uint8Array): Uint8Array {
    const end = bytes.indexOf(QUOTE);
    const text = this.#pending + Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("latin1");
    if (end >= 0) {
      this.#place = "after";
      this.#pending = "";
      this.#keep(bytes.subarray(end));
      return Buffer.from(unescaped(text), "base64");
    }
    const halfEscape = /\\(?:u[\da-f]{0,3})?$/i.exec(text)?.index ?? text.length;
    const clean = unescaped(text.slice(0, halfEscape));
    const whole = clean.length - (clean.length % 4);
    this.#pending = clean.slice(whole) + text.slice(halfEscape);
    return Buffer.from(clean.slice(0, whole), "base64");
  }

  #keep(bytes: Uint8Array): void {
    this.#restBytes += bytes.byteLength;
    if (this.#restBytes > this.#maxRestBytes) throw new Error(`more than ${this.#maxRestBytes} bytes beside the audio`);
    if (bytes.byteLength > 0) this.#rest.push(bytes.slice());
  }
}

/** JSON may write a slash as `\/` and any character by its number. */
function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(/\\u([\da-f]{4})|\\(.)/gi, (_, hex: string | undefined, other: string) =>
    hex === undefined ? other : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
