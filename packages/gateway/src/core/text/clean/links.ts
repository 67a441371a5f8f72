import type { Cleaning, Found } from "./cleaning.ts";

/** Longest text of a link, longest address. What is longer is no link to us, so that nothing is held for long. */
const MAX_LABEL_CHARS = 500;
const MAX_URL_CHARS = 2_000;
/** A definition of a link, or a note at the foot of the page: nobody says those. */
const DEFINITION = /^\[[^\]\n]{1,500}\]:[^\n]*/;
const FOOTNOTE = /^\^[\w-]{1,50}$/;
const SCHEMES = ["https://", "http://", "www."];

/** `[text](address)`, `![text](address)`, `[text][name]`, `[^1]`, `[name]: address` at the start of a line. */
export function link(text: string, at: number, final: boolean, cleaning: Cleaning, lineStart: boolean): Found {
  const open = text[at] === "!" ? at + 1 : at;
  if (open >= text.length) return final ? undefined : "wait";
  if (text[open] !== "[") return undefined;
  const close = closing(text, open, MAX_LABEL_CHARS, "]");
  if (close === "none") return undefined;
  if (close === "unknown") return final ? undefined : "wait";
  const label = text.slice(open + 1, close);
  const next = text[close + 1];
  if (next === undefined && !final) return "wait";
  if (next === ":" && lineStart) return definition(text, at, final);
  if (FOOTNOTE.test(label)) return { length: close + 1 - at, says: "" };
  if (next !== "(" && next !== "[") return undefined;
  const end = closing(text, close + 1, MAX_URL_CHARS, next === "(" ? ")" : "]");
  if (end === "none") return undefined;
  if (end === "unknown") return final ? undefined : "wait";
  const isAddress = SCHEMES.some((scheme) => label.startsWith(scheme)) && !/\s/.test(label);
  const length = end + 1 - at;
  return isAddress ? { length, says: spokenUrl(label, cleaning) } : { length, says: label, marked: true };
}

function definition(text: string, at: number, final: boolean): Found {
  const [whole] = DEFINITION.exec(text.slice(at, at + MAX_LABEL_CHARS + MAX_URL_CHARS)) ?? [];
  if (whole === undefined) return undefined;
  return at + whole.length < text.length || final ? { length: whole.length, says: "" } : "wait";
}

/** Where a bracket is closed on the same line. */
function closing(text: string, open: number, most: number, close: string): number | "none" | "unknown" {
  const opening = text[open]!;
  let depth = 0;
  for (let at = open; at < open + most; at++) {
    const char = text[at];
    if (char === undefined) return "unknown";
    if (char === "\n") return "none";
    if (char === "\\") at++;
    else if (char === opening) depth++;
    else if (char === close && --depth === 0) return at;
  }
  return "none";
}

/** `https://…`, `www.…`: until white space, without the punctuation that ends the sentence. */
export function bareUrl(text: string, at: number, final: boolean, cleaning: Cleaning): Found {
  const head = text.slice(at, at + 8).toLowerCase();
  if (!SCHEMES.some((scheme) => head.startsWith(scheme)))
    return !final && SCHEMES.some((scheme) => at + head.length === text.length && scheme.startsWith(head))
      ? "wait"
      : undefined;
  const window = text.slice(at, at + MAX_URL_CHARS);
  const [run] = /^[^\s<>"]+/.exec(window)!;
  if (run.length === window.length && window.length < MAX_URL_CHARS && !final) return "wait";
  const url = run.replace(/[.,;:!?'*_)\]}]+$/, (marks) => (marks.startsWith(")") && run.includes("(") ? ")" : ""));
  return { length: url.length, says: spokenUrl(url, cleaning) };
}

/** An address as it is said. */
export function spokenUrl(url: string, { urls }: Cleaning): string {
  if (urls === "skip") return "";
  if (urls === "read") return url;
  return /^(?:https?:\/\/)?(?:[^\s/?#@]*@)?(?:www\.)?([^\s/?#:]*)/i.exec(url)?.[1] ?? url;
}
