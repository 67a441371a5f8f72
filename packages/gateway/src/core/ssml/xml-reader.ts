import { shown, ssmlError } from "./xml-error.ts";

export type XmlAttributes = ReadonlyMap<string, XmlAttribute>;
export type XmlAttribute = { readonly value: string; readonly at: number };

export type XmlEvent =
  | { readonly type: "open"; readonly name: string; readonly attributes: XmlAttributes; readonly at: number }
  | { readonly type: "close"; readonly name: string; readonly at: number }
  | { readonly type: "text"; readonly text: string; readonly at: number };

export type XmlBounds = {
  readonly maxDepth: number;
  readonly maxElements: number;
  readonly maxAttributes: number;
  /** Of one attribute's value, in the document. */
  readonly maxValueChars: number;
};

const MAX_NAME_CHARS = 128;
const NAME_START =
  ":A-Z_a-z\\u{C0}-\\u{D6}\\u{D8}-\\u{F6}\\u{F8}-\\u{2FF}\\u{370}-\\u{37D}\\u{37F}-\\u{1FFF}\\u{200C}-\\u{200D}\\u{2070}-\\u{218F}\\u{2C00}-\\u{2FEF}\\u{3001}-\\u{D7FF}\\u{F900}-\\u{FDCF}\\u{FDF0}-\\u{FFFD}\\u{10000}-\\u{EFFFF}";
const NAME = new RegExp(`[${NAME_START}][${NAME_START}\\-.0-9\\u{B7}\\u{300}-\\u{36F}\\u{203F}-\\u{2040}]*`, "uy");
const SPACE = /[ \t\r\n]*/y;
const ALL_SPACE = /^[ \t\r\n]*$/;
const LINE_END = /\r\n?/g;
/** XML's Char, turned round. */
const NO_CHARACTER = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;
const DECLARATION =
  /<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.\d+"|'1\.\d+')(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:"[A-Za-z][\w.-]{0,39}"|'[A-Za-z][\w.-]{0,39}'))?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?[ \t\r\n]*\?>/y;
const REFERENCE = /&(?:#x([0-9A-Fa-f]{1,8})|#([0-9]{1,8})|([A-Za-z]{1,8}));/y;
/** The one document type that the specification names. It is not fetched, and can declare nothing here. */
const DOCTYPE =
  /<!DOCTYPE[ \t\r\n]+speak[ \t\r\n]+PUBLIC[ \t\r\n]+"-\/\/W3C\/\/DTD SYNTHESIS 1\.[01]\/\/EN"[ \t\r\n]+"[^"<>]{1,200}"[ \t\r\n]*>/y;

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["apos", "'"],
  ["quot", '"'],
]);

/**
 * A strict reader of XML 1.0, without any of what makes XML dangerous: no document type of one's own, so no entities but
 * the five predefined ones and characters by number, nothing fetched, nothing expanded, and every count bounded. Each
 * character is looked at a fixed number of times. Throws `ssml_invalid` with line and column, and nothing else.
 */
export class XmlReader {
  readonly document: string;
  readonly #bounds: XmlBounds;
  readonly #open: string[] = [];
  #at = 0;
  #elements = 0;
  #rootSeen = false;
  /** The end of an element that was opened and closed in one tag. */
  #pendingClose: XmlEvent | undefined;

  constructor(document: string, bounds: XmlBounds) {
    this.document = document;
    this.#bounds = bounds;
    const wrong = document.search(NO_CHARACTER);
    if (wrong >= 0) throw this.error(wrong, "a character that XML does not allow");
    if (document.startsWith("\uFEFF")) this.#at = 1;
    if (document.startsWith("<?xml", this.#at) && /[ \t\r\n]/.test(document[this.#at + 5] ?? "")) this.#declaration();
  }

  error(at: number, what: string): Error {
    return ssmlError(this.document, at, what);
  }

  /** The next event; undefined at the end of the document. Text comes in as many pieces as it is written in. */
  next(): XmlEvent | undefined {
    const closing = this.#pendingClose;
    if (closing !== undefined) {
      this.#pendingClose = undefined;
      return closing;
    }
    for (;;) {
      if (this.#at >= this.document.length) return this.#end();
      const event = this.document[this.#at] === "<" ? this.#markup() : this.#text();
      if (event !== undefined) return event;
    }
  }

  #end(): undefined {
    const unclosed = this.#open.at(-1);
    if (unclosed !== undefined) throw this.error(this.#at, `the document ends inside <${unclosed}>`);
    if (!this.#rootSeen) throw this.error(this.#at, "there is no <speak> in this document");
    return undefined;
  }

  #declaration(): void {
    DECLARATION.lastIndex = this.#at;
    const found = DECLARATION.exec(this.document);
    if (found === null) throw this.error(this.#at, "this XML declaration is malformed");
    this.#at += found[0].length;
  }

  #markup(): XmlEvent | undefined {
    const { document } = this;
    const at = this.#at;
    switch (document[at + 1]) {
      case "/":
        return this.#closeTag();
      case "?":
        return this.#instruction();
      case "!":
        if (document.startsWith("<!--", at)) return this.#comment();
        if (document.startsWith("<![CDATA[", at)) return this.#cdata();
        if (document.startsWith("<!DOCTYPE", at)) return this.#doctype();
        throw this.error(at, "this is no markup that XML knows");
      default:
        return this.#openTag();
    }
  }

  #doctype(): undefined {
    DOCTYPE.lastIndex = this.#at;
    const found = this.#rootSeen ? null : DOCTYPE.exec(this.document);
    if (found === null)
      throw this.error(this.#at, "a document type is not accepted: no entities or rules may be declared here");
    this.#at += found[0].length;
  }

  #comment(): undefined {
    const from = this.#at;
    const end = this.document.indexOf("--", from + 4);
    if (end < 0) throw this.error(from, "this comment is not closed");
    if (this.document[end + 2] !== ">") throw this.error(end, 'a comment may not hold "--"');
    this.#at = end + 3;
  }

  #instruction(): undefined {
    const from = this.#at;
    this.#at += 2;
    const target = this.#name("the name of a processing instruction");
    if (target.toLowerCase() === "xml")
      throw this.error(from, "an XML declaration must be the first thing in the document");
    const end = this.document.indexOf("?>", this.#at);
    if (end < 0) throw this.error(from, "this processing instruction is not closed");
    this.#at = end + 2;
  }

  #cdata(): XmlEvent | undefined {
    const from = this.#at;
    if (this.#open.length === 0) throw this.error(from, "text outside <speak>");
    const end = this.document.indexOf("]]>", from + 9);
    if (end < 0) throw this.error(from, "this CDATA section is not closed");
    this.#at = end + 3;
    const text = this.document.slice(from + 9, end).replace(LINE_END, "\n");
    return text === "" ? undefined : { type: "text", text, at: from };
  }

  #text(): XmlEvent | undefined {
    const { document } = this;
    const from = this.#at;
    const found = document.indexOf("<", from);
    const end = found < 0 ? document.length : found;
    const raw = document.slice(from, end);
    this.#at = end;
    if (this.#open.length === 0) {
      if (ALL_SPACE.test(raw)) return undefined;
      const first = from + raw.search(/[^ \t\r\n]/);
      throw this.error(first, this.#rootSeen ? "text behind </speak>" : "a document begins with <speak>");
    }
    const stray = raw.indexOf("]]>");
    if (stray >= 0) throw this.error(from + stray, '"]]>" stands in text; write "]]&gt;"');
    return { type: "text", text: this.#resolved(raw, from).replace(LINE_END, "\n"), at: from };
  }

  #openTag(): XmlEvent {
    const at = this.#at;
    const { maxDepth, maxElements } = this.#bounds;
    if (this.#rootSeen && this.#open.length === 0) throw this.error(at, "a second element behind </speak>");
    this.#at++;
    const name = this.#name("the name of an element");
    if (++this.#elements > maxElements) throw this.error(at, `more than ${maxElements} elements`);
    if (this.#open.length >= maxDepth) throw this.error(at, `elements nested more than ${maxDepth} deep`);
    const attributes = this.#attributes(name);
    this.#rootSeen = true;
    if (this.document[this.#at] === "/") {
      this.#at++;
      this.#expect(">", `<${name}> is not closed by ">"`);
      this.#pendingClose = { type: "close", name, at };
    } else {
      this.#at++; // the ">" that ended the attributes
      this.#open.push(name);
    }
    return { type: "open", name, attributes, at };
  }

  #closeTag(): XmlEvent {
    const at = this.#at;
    this.#at += 2;
    const name = this.#name("the name of an element");
    this.#space();
    this.#expect(">", `</${name}> is not closed by ">"`);
    const open = this.#open.pop();
    if (open === undefined) throw this.error(at, `</${name}> without <${name}>`);
    if (open !== name) throw this.error(at, `</${name}> where </${open}> belongs`);
    return { type: "close", name, at };
  }

  #attributes(element: string): Map<string, XmlAttribute> {
    const { document } = this;
    const attributes = new Map<string, XmlAttribute>();
    for (;;) {
      const spaced = this.#space();
      const next = document[this.#at];
      if (next === ">" || next === "/") return attributes;
      const at = this.#at;
      if (next === undefined) throw this.error(at, `the document ends inside <${element}>`);
      if (!spaced) throw this.error(at, "a space belongs before each attribute");
      const name = this.#name("the name of an attribute");
      if (attributes.has(name)) throw this.error(at, `the attribute ${shown(name)} stands twice in <${element}>`);
      if (attributes.size >= this.#bounds.maxAttributes)
        throw this.error(at, `more than ${this.#bounds.maxAttributes} attributes`);
      this.#space();
      this.#expect("=", `the attribute ${shown(name)} has no value`);
      this.#space();
      attributes.set(name, { value: this.#value(name), at });
    }
  }

  #value(name: string): string {
    const { document } = this;
    const from = this.#at + 1;
    const quote = document[this.#at];
    if (quote !== '"' && quote !== "'") throw this.error(this.#at, `the value of ${shown(name)} belongs in quotes`);
    const { maxValueChars } = this.#bounds;
    const window = document.slice(from, from + maxValueChars + 1);
    const length = window.indexOf(quote);
    if (length < 0) {
      const long = window.length > maxValueChars;
      throw this.error(
        from - 1,
        long ? `this value has more than ${maxValueChars} characters` : "this value is not closed",
      );
    }
    const raw = window.slice(0, length);
    const stray = raw.indexOf("<");
    if (stray >= 0) throw this.error(from + stray, '"<" stands in a value; write "&lt;"');
    this.#at = from + length + 1;
    return this.#resolved(
      raw.replace(/\r\n|[\t\r\n]/g, (space) => " ".padEnd(space.length)),
      from,
    );
  }

  /** Text with its references replaced. */
  #resolved(raw: string, from: number): string {
    let next = raw.indexOf("&");
    if (next < 0) return raw;
    let text = "";
    let done = 0;
    for (; next >= 0; next = raw.indexOf("&", done)) {
      REFERENCE.lastIndex = next;
      const found = REFERENCE.exec(raw);
      if (found === null) throw this.error(from + next, '"&" begins no reference; write "&amp;"');
      text += raw.slice(done, next) + this.#referred(found, from + next);
      done = next + found[0].length;
    }
    return text + raw.slice(done);
  }

  #referred([, hex, decimal, name]: RegExpExecArray, at: number): string {
    if (name !== undefined) {
      const character = ENTITIES.get(name);
      if (character !== undefined) return character;
      throw this.error(
        at,
        `&${name}; is not known; XML has &amp;, &lt;, &gt;, &apos;, &quot; and numbers such as &#233;`,
      );
    }
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    const character = code <= 0x10ffff ? String.fromCodePoint(code) : "\0";
    if (NO_CHARACTER.test(character)) throw this.error(at, "this number names no character that XML allows");
    return character;
  }

  #name(what: string): string {
    NAME.lastIndex = this.#at;
    const found = NAME.exec(this.document);
    if (found === null) throw this.error(this.#at, `${what} belongs here`);
    if (found[0].length > MAX_NAME_CHARS)
      throw this.error(this.#at, `a name of more than ${MAX_NAME_CHARS} characters`);
    this.#at += found[0].length;
    return found[0];
  }

  /** Whether there was any. */
  #space(): boolean {
    SPACE.lastIndex = this.#at;
    const { length } = SPACE.exec(this.document)![0];
    this.#at += length;
    return length > 0;
  }

  #expect(character: string, otherwise: string): void {
    if (this.document[this.#at] !== character) throw this.error(this.#at, otherwise);
    this.#at++;
  }
}
