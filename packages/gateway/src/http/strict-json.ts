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
 * checks the request in front of us may have taken the first.
 */
export function duplicateKey(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = []; // a set for each object, undefined for each array
  let expectKey = false;
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case "{":
        open.push(new Set());
        expectKey = true;
        break;
      case "[":
        open.push(undefined);
        expectKey = false;
        break;
      case "}":
      case "]":
        open.pop();
        expectKey = false;
        break;
      case ",":
        expectKey = open.at(-1) !== undefined;
        break;
      case '"': {
        const end = stringEnd(json, at);
        if (expectKey) {
          const key = JSON.parse(json.slice(at, end + 1)) as string;
          const keys = open.at(-1)!;
          if (keys.has(key)) return key;
          keys.add(key);
          expectKey = false;
        }
        at = end;
      }
    }
  }
  return undefined;
}

function stringEnd(json: string, start: number): number {
  let end = json.indexOf('"', start + 1);
  while (isEscaped(json, end)) end = json.indexOf('"', end + 1);
  return end;
}

function isEscaped(json: string, at: number): boolean {
  let slashes = 0;
  while (json[at - 1 - slashes] === "\\") slashes++;
  return slashes % 2 === 1;
}
