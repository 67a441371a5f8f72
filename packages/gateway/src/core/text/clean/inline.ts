import type { Cleaning, Found, Recognize } from "./cleaning.ts";
import { bareUrl, link, spokenUrl } from "./links.ts";

const MAX_CODE_CHARS = 500;
const MAX_TAG_CHARS = 300;
const MAX_COMMENT_CHARS = 2_000;
const MAX_ENTITY_CHARS = 10;
const ENTITIES: Readonly<Record<string, string>> = {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " ", ndash: "–", mdash: "—", hellip: "…" },
  ...{ euro: "€", copy: "©", reg: "®", deg: "°", times: "×", rarr: "→", larr: "←" },
};
/** Tags that end a line. */
const BREAKS = /^<\/?(?:br|p|div|li|ul|ol|tr|table|h[1-6]|hr|blockquote|pre|section|article|details|summary)\b/i;

/** Backslash and punctuation is the punctuation. */
const escaped: Recognize = (text, at, final) => {
  const next = text[at + 1];
  if (next === undefined) return final ? undefined : "wait";
  return /[!-/:-@[-`{-~]/.test(next) ? { length: 2, says: next } : undefined;
};

/** `code`: its text. Backticks that nothing closes are left out. */
const code: Recognize = (text, at, final) => {
  const [ticks] = /^`+/.exec(text.slice(at, at + MAX_CODE_CHARS))!;
  if (at + ticks.length === text.length && !final) return "wait";
  for (let from = at + ticks.length; from < at + MAX_CODE_CHARS; ) {
    const end = text.indexOf(ticks, from);
    const line = text.indexOf("\n", from);
    if (end < 0 || end >= at + MAX_CODE_CHARS || (line >= 0 && line < end)) {
      const more = line < 0 && text.length < at + MAX_CODE_CHARS && !final;
      return more ? "wait" : { length: ticks.length, says: "" };
    }
    let after = end + ticks.length;
    while (text[after] === "`") after++;
    if (after === text.length && !final) return "wait";
    if (after - end === ticks.length) return { length: after - at, says: text.slice(at + ticks.length, end).trim() };
    from = after;
  }
  return { length: ticks.length, says: "" };
};

/** `<https://…>`, tags and comments. What is no tag is a sign of its own: `a < b`. */
const tag: Recognize = (text, at, final, cleaning) => {
  const window = text.slice(at, at + MAX_TAG_CHARS);
  if (window.startsWith("<!--")) return comment(text, at, final);
  if (!final && "<!--".startsWith(window)) return "wait";
  const [whole, inside = ""] = /^<([^<>\n]*)>/.exec(window) ?? [];
  if (whole === undefined) {
    const open = /^<[a-z/][^<>\n]*$/i.test(window) && window.length < MAX_TAG_CHARS && !final;
    return open ? "wait" : undefined;
  }
  if (/^https?:\/\/\S+$/i.test(inside)) return { length: whole.length, says: spokenUrl(inside, cleaning) };
  if (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(inside)) return { length: whole.length, says: inside };
  if (!/^\/?[a-z][\w-]*(?:\s[^<>]*|\/)?$/i.test(inside)) return undefined;
  return { length: whole.length, says: BREAKS.test(whole) ? "\n" : "" };
};

function comment(text: string, at: number, final: boolean): Found {
  const end = text.indexOf("-->", at + 4);
  if (end >= 0 && end < at + MAX_COMMENT_CHARS) return { length: end + 3 - at, says: "" };
  return text.length < at + MAX_COMMENT_CHARS && !final ? "wait" : undefined;
}

const entity: Recognize = (text, at, final) => {
  const window = text.slice(at, at + MAX_ENTITY_CHARS);
  const [whole, name = ""] = /^&(#\d{1,7}|#x[\da-f]{1,6}|[a-z]{2,8});/i.exec(window) ?? [];
  if (whole === undefined)
    return /^&(?:#?\w*)$/.test(window) && window.length < MAX_ENTITY_CHARS && !final ? "wait" : undefined;
  if (!name.startsWith("#"))
    return ENTITIES[name] === undefined ? undefined : { length: whole.length, says: ENTITIES[name] };
  const hex = name[1]?.toLowerCase() === "x";
  const point = Number.parseInt(name.slice(hex ? 2 : 1), hex ? 16 : 10);
  return point > 0x10_ffff ? undefined : { length: whole.length, says: String.fromCodePoint(point) };
};

/** `*` and `_` in runs, `~~`: left out where they stand at one side of a word, kept as signs (`2 * 3`, `2*3`, `snake_case`). */
const emphasis: Recognize = (text, at, final) => {
  const mark = text[at]!;
  let end = at;
  while (text[end] === mark && end - at < MAX_TAG_CHARS) end++;
  if (end === text.length && !final) return "wait";
  const length = end - at;
  if (mark === "~") return length === 2 ? { length, says: "" } : undefined;
  const before = text[at - 1] ?? " ";
  const after = text[end] ?? " ";
  if (/\s/.test(before) && /\s/.test(after)) return undefined;
  const isInside = /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(after);
  if (isInside && (mark === "_" || (length === 1 && /\d/.test(before) && /\d/.test(after)))) return undefined;
  return { length, says: "" };
};

/** Citations that some assistants write: 【4:0†source】. */
const citation: Recognize = (text, at, final) => {
  const window = text.slice(at, at + MAX_TAG_CHARS);
  const [whole] = /^【[^【】\n]*】/.exec(window) ?? [];
  if (whole !== undefined) return whole.includes("†") ? { length: whole.length, says: "" } : undefined;
  return /\n/.test(window) || window.length >= MAX_TAG_CHARS || final ? undefined : "wait";
};

/** `## Title ##`: what closes a heading. */
const hashes: Recognize = (text, at, final) => {
  const [run, after] = /^#+[ \t]*(.|\n)?/.exec(text.slice(at, at + MAX_TAG_CHARS))!;
  if (after === undefined && at + run.length === text.length && !final) return "wait";
  if (!/\s/.test(text[at - 1] ?? " ") || (after !== undefined && after !== "\n")) return undefined;
  return { length: after === undefined ? run.length : run.length - 1, says: "" };
};

const BY_CHARACTER: Readonly<Record<string, Recognize>> = {
  "\\": escaped,
  "`": code,
  "<": tag,
  "&": entity,
  "*": emphasis,
  _: emphasis,
  "#": hashes,
  "~": emphasis,
  "【": citation,
};

/** What stands at this place, if it is more than a character. `lineStart`: nothing but markup stands before it on its line. */
export function inline(text: string, at: number, final: boolean, cleaning: Cleaning, lineStart: boolean): Found {
  const char = text[at]!;
  if (char === "[" || char === "!") return link(text, at, final, cleaning, lineStart);
  if (/[hw]/i.test(char))
    return /[\p{L}\p{N}]/u.test(text[at - 1] ?? " ") ? undefined : bareUrl(text, at, final, cleaning);
  return Object.hasOwn(BY_CHARACTER, char) ? BY_CHARACTER[char]!(text, at, final, cleaning) : undefined;
}
