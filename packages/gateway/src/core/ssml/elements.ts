/** What an element may stand in and hold, and which attributes it has: the SSML 1.1 schema as far as it matters here. */
export type ElementRule = {
  readonly attributes: readonly string[];
  readonly required?: readonly string[];
  /** `text`: nothing but text; `empty`: nothing; `sentence`: text and what stands within one; `all`: paragraphs too. */
  readonly holds: "all" | "paragraph" | "sentence" | "text" | "empty" | "anything";
  /** `block`: not within a sentence. */
  readonly is: "root" | "paragraph" | "sentence" | "phrase" | "head";
};

const LANGUAGE = ["xml:lang", "onlangfailure"];

/** Every element of SSML 1.1 that there is. */
export const ELEMENTS: Readonly<Record<string, ElementRule>> = {
  speak: {
    attributes: ["version", ...LANGUAGE, "xml:base", "startmark", "endmark"],
    holds: "all",
    is: "root",
  },
  p: { attributes: LANGUAGE, holds: "paragraph", is: "paragraph" },
  s: { attributes: LANGUAGE, holds: "sentence", is: "sentence" },
  voice: {
    attributes: [
      ...LANGUAGE,
      ...["name", "gender", "age", "variant", "languages", "required", "ordering", "onvoicefailure"],
    ],
    holds: "all",
    is: "phrase",
  },
  lang: { attributes: LANGUAGE, required: ["xml:lang"], holds: "all", is: "phrase" },
  prosody: {
    attributes: ["rate", "pitch", "volume", "contour", "range", "duration"],
    holds: "all",
    is: "phrase",
  },
  emphasis: { attributes: ["level"], holds: "sentence", is: "phrase" },
  break: { attributes: ["strength", "time"], holds: "empty", is: "phrase" },
  mark: { attributes: ["name"], required: ["name"], holds: "empty", is: "phrase" },
  sub: { attributes: ["alias"], required: ["alias"], holds: "text", is: "phrase" },
  "say-as": {
    attributes: ["interpret-as", "format", "detail"],
    required: ["interpret-as"],
    holds: "text",
    is: "phrase",
  },
  phoneme: { attributes: ["ph", "alphabet", "type"], required: ["ph"], holds: "text", is: "phrase" },
  token: { attributes: ["role", ...LANGUAGE], holds: "sentence", is: "phrase" },
  w: { attributes: ["role", ...LANGUAGE], holds: "sentence", is: "phrase" },
  lookup: { attributes: ["ref"], required: ["ref"], holds: "all", is: "phrase" },
  audio: {
    attributes: [
      ...["src", "fetchtimeout", "fetchhint", "maxage", "maxstale"],
      ...["clipBegin", "clipEnd", "repeatCount", "repeatDur", "soundLevel", "speed"],
    ],
    holds: "all",
    is: "phrase",
  },
  desc: { attributes: ["xml:lang"], holds: "text", is: "phrase" },
  lexicon: {
    attributes: ["uri", "xml:id", "type", "fetchtimeout", "maxage", "maxstale"],
    required: ["uri"],
    holds: "empty",
    is: "head",
  },
  meta: { attributes: ["name", "http-equiv", "content"], holds: "empty", is: "head" },
  metadata: { attributes: [], holds: "anything", is: "head" },
};

/** Attributes that any element may have: namespaces, and what the schema lets all of them have. */
export function isCommonAttribute(name: string): boolean {
  return name === "xml:id" || name === "id" || name === "xmlns" || /^(?:xmlns|xsi):/.test(name);
}

export const SSML_NAMESPACE = "http://www.w3.org/2001/10/synthesis";
