import { SCRIPT_BOUNDS, type Script, type SpanSettings, type VoiceWish } from "../script.ts";
import { ScriptTooLarge, ScriptWriter } from "../script-writer.ts";
import { SETTING_RANGES } from "../speech-settings.ts";
import { BREAK_STRENGTHS, duration, language, pitch, type Read, rate, volume } from "./attributes.ts";
import { ELEMENTS, type ElementRule, isCommonAttribute, SSML_NAMESPACE } from "./elements.ts";
import { placeOf } from "./place.ts";
import { sayAs } from "./say-as/say-as.ts";
import { VoiceWishes } from "./voice-wishes.ts";
import { shown } from "./xml-error.ts";
import { type XmlAttributes, type XmlEvent, XmlReader } from "./xml-reader.ts";

const XML_BOUNDS = { maxDepth: 32, maxElements: 5_000, maxAttributes: 16, maxValueChars: 4_096 };
/** Between two paragraphs; engines pause at the end of a sentence by themselves, and not longer for a paragraph. */
const PARAGRAPH_PAUSE_MS = 500;
/** What a text that is to be silent takes: the pace of most voices. */
const MS_PER_CHAR = 65;

/** An element that is open. */
type Frame = {
  readonly name: string;
  readonly rule: ElementRule;
  readonly attributes: XmlAttributes;
  readonly at: number;
  readonly settings: SpanSettings;
  readonly inParagraph: boolean;
  readonly inSentence: boolean;
  /** Its text is not heard, but takes its time. */
  readonly silent: boolean;
  /** What was collected of an element that holds nothing but text. */
  text: string;
};

/**
 * Reads an SSML 1.1 document into a script. What no engine need know is done here; what is not done is told in the
 * script's notices. `base`: how text is said where the document does not say otherwise.
 * Throws `ssml_invalid` with line and column, `text_too_long`, and nothing else. Every step is linear in the document.
 */
export function readSsml(document: string, base: SpanSettings, bounds: { readonly maxChars: number }): Script {
  const writer = new ScriptWriter(bounds);
  writeSsml(document, base, writer);
  return writer.finish();
}

/** The same as part of a script that is written by more than one. */
export function writeSsml(document: string, base: SpanSettings, writer: ScriptWriter): void {
  new SsmlReader(document, base, writer).read();
}

class SsmlReader {
  readonly #xml: XmlReader;
  readonly #base: SpanSettings;
  readonly #writer: ScriptWriter;
  readonly #voices: VoiceWishes;
  readonly #open: Frame[] = [];
  /** How deep we are in an element whose content means nothing to us. */
  #skipped = 0;

  constructor(document: string, base: SpanSettings, writer: ScriptWriter) {
    this.#xml = new XmlReader(document, XML_BOUNDS);
    this.#base = base;
    this.#writer = writer;
    this.#voices = new VoiceWishes(document);
  }

  read(): void {
    for (let event = this.#xml.next(); event !== undefined; event = this.#xml.next()) {
      try {
        this.#take(event);
      } catch (error) {
        if (error instanceof ScriptTooLarge) throw this.#error(event.at, error.message);
        throw error;
      }
    }
  }

  #take(event: XmlEvent): void {
    if (this.#skipped > 0) {
      if (event.type === "open") this.#skipped++;
      if (event.type !== "close" || --this.#skipped > 0) return;
    }
    if (event.type === "open") this.#enter(event);
    else if (event.type === "close") this.#leave(this.#open.pop()!);
    else this.#text(event.text.replaceAll(/[ \t\n]+/g, " "), event.at);
  }

  #text(text: string, at: number): void {
    const frame = this.#open.at(-1)!;
    if (frame.rule.holds === "text") {
      frame.text += text;
      return;
    }
    if (frame.rule.holds === "empty" && text.trim() !== "") throw this.#error(at, `<${frame.name}> holds no text`);
    this.#say(text, frame);
  }

  #say(text: string, { settings, silent }: Frame): void {
    if (!silent) this.#writer.text(text, settings);
    else if (text.trim() !== "")
      this.#writer.rest(Math.min(SCRIPT_BOUNDS.maxRestMs, (text.length * MS_PER_CHAR) / settings.speed));
  }

  #enter({ name, attributes, at }: Extract<XmlEvent, { type: "open" }>): void {
    const parent = this.#open.at(-1);
    const rule = Object.hasOwn(ELEMENTS, name) ? ELEMENTS[name]! : undefined;
    if (rule === undefined) throw this.#error(at, `<${name}> is not an element of SSML 1.1`);
    this.#checkPlace(name, rule, parent, at);
    this.#checkAttributes(name, rule, attributes, at);
    const { settings, silent } = this.#settings(name, attributes, at, parent);
    this.#open.push({
      ...{ name, rule, attributes, at, settings, silent, text: "" },
      inParagraph: (parent?.inParagraph ?? false) || name === "p",
      inSentence: (parent?.inSentence ?? false) || rule.holds === "sentence",
    });
    this.#begin(name, attributes, at);
  }

  #checkPlace(name: string, rule: ElementRule, parent: Frame | undefined, at: number): void {
    if (parent === undefined) {
      if (rule.is !== "root") throw this.#error(at, `a document begins with <speak>, not with <${name}>`);
      return;
    }
    const { holds } = parent.rule;
    const misplaced =
      rule.is === "root" ||
      holds === "empty" ||
      (holds === "text" && !(parent.name === "desc" && name === "desc")) ||
      (rule.is === "paragraph" && (parent.inParagraph || parent.inSentence)) ||
      (rule.is === "sentence" && parent.inSentence) ||
      (rule.is === "head" && parent.rule.is !== "root") ||
      (name === "desc" && parent.name !== "audio");
    if (misplaced) throw this.#error(at, `<${name}> may not stand in ${this.#whereOf(rule, parent)}`);
  }

  #whereOf({ is }: ElementRule, parent: Frame): string {
    if (is === "paragraph" && !parent.inSentence) return "a paragraph";
    if ((is === "paragraph" || is === "sentence") && parent.inSentence) return "a sentence";
    return `<${parent.name}>`;
  }

  #checkAttributes(name: string, rule: ElementRule, attributes: XmlAttributes, at: number): void {
    for (const [attribute, { value, at: where }] of attributes) {
      if (attribute === "xmlns" && value !== SSML_NAMESPACE)
        throw this.#error(where, `the namespace of SSML is ${SSML_NAMESPACE}`);
      if (!rule.attributes.includes(attribute) && !isCommonAttribute(attribute))
        throw this.#error(where, `<${name}> has no attribute ${shown(attribute)}`);
    }
    const missing = rule.required?.find((attribute) => !attributes.has(attribute));
    if (missing !== undefined) throw this.#error(at, `<${name}> needs the attribute ${shown(missing)}`);
  }

  /** How text in this element is said. */
  #settings(
    name: string,
    attributes: XmlAttributes,
    at: number,
    parent: Frame | undefined,
  ): Pick<Frame, "settings" | "silent"> {
    const outer = parent?.settings ?? this.#base;
    const spoken = this.#read(attributes, "xml:lang", language);
    const settings = spoken === undefined || name === "desc" ? outer : { ...outer, language: spoken };
    const silent = parent?.silent ?? false;
    if (name === "voice") return { settings: { ...settings, voice: this.#voice(attributes, at, outer) }, silent };
    return name === "prosody" ? this.#prosody(attributes, at, settings, silent) : { settings, silent };
  }

  #voice(attributes: XmlAttributes, at: number, { voice }: SpanSettings): VoiceWish {
    const { wish, notices } = this.#voices.read(attributes, at, voice);
    for (const { message, at: where } of notices) this.#notice(where, message);
    return wish;
  }

  #prosody(
    attributes: XmlAttributes,
    at: number,
    outer: SpanSettings,
    silent: boolean,
  ): Pick<Frame, "settings" | "silent"> {
    for (const undone of ["contour", "range", "duration"])
      if (attributes.has(undone)) this.#notice(at, `prosody ${undone} is not done`);
    const loudness = this.#read(attributes, "volume", volume) ?? 1;
    const settings = {
      ...outer,
      speed: this.#factor("speed", outer.speed * (this.#read(attributes, "rate", rate) ?? 1), at),
      pitch: this.#factor("pitch", outer.pitch * (this.#read(attributes, "pitch", pitch) ?? 1), at),
      volume: loudness === 0 ? outer.volume : this.#factor("volume", outer.volume * loudness, at),
    };
    return { settings, silent: silent || loudness === 0 };
  }

  /** Rounded, so that what sounds the same has one key; and no further than anybody goes. */
  #factor(name: "speed" | "pitch" | "volume", value: number, at: number): number {
    const { min, max } = SETTING_RANGES[name];
    const rounded = Math.round(value * 1000) / 1000;
    const nearest = Math.min(max, Math.max(min, rounded));
    if (nearest === rounded) return rounded;
    this.#notice(at, `${name} ${rounded} is out of range; it is ${nearest}`);
    return nearest;
  }

  /** What an element does where it begins. */
  #begin(name: string, attributes: XmlAttributes, at: number): void {
    switch (name) {
      case "speak":
        this.#checkVersion(attributes, at);
        if (attributes.has("startmark") || attributes.has("endmark"))
          this.#notice(at, "startmark and endmark are not done; all of it is spoken");
        return;
      case "p":
        this.#writer.divide(PARAGRAPH_PAUSE_MS);
        return;
      case "s":
        this.#writer.divide();
        return;
      case "break":
        this.#break(attributes, at);
        return;
      case "mark":
        this.#mark(attributes, at);
        return;
      case "emphasis":
        if (attributes.get("level")?.value !== "none")
          this.#notice(at, "emphasis is not done; its text is spoken as the rest");
        return;
      case "audio":
        this.#notice(at, "audio is not fetched; its alternate text is spoken");
        return;
      case "lexicon":
        this.#notice(at, "a lexicon is not fetched; its pronunciations are not used");
        return;
      case "lookup":
        this.#notice(at, "lookup is not done, for no lexicon is fetched; its text is spoken");
        return;
      case "metadata":
        this.#skipped = 1;
    }
  }

  #leave(frame: Frame): void {
    const { name, attributes, settings, text, at } = frame;
    switch (name) {
      case "p":
        this.#writer.divide(PARAGRAPH_PAUSE_MS);
        return;
      case "s":
        this.#writer.divide();
        return;
      case "sub":
        this.#say(attributes.get("alias")!.value, frame);
        return;
      case "say-as": {
        const interpretAs = attributes.get("interpret-as")!.value;
        const said = sayAs(text, { interpretAs, format: attributes.get("format")?.value, language: settings.language });
        if ("problem" in said) this.#notice(at, `say-as ${shown(interpretAs)}: ${said.problem}`);
        this.#say("text" in said ? said.text : text, frame);
        return;
      }
      case "phoneme":
        this.#phoneme(frame);
    }
  }

  #phoneme(frame: Frame): void {
    const { text, attributes, at, settings, silent } = frame;
    if (text.trim() === "") this.#notice(at, "a phoneme without text is not spoken: an engine may need the text");
    else if (silent) this.#say(text, frame);
    else
      this.#writer.pronounced(text, settings, {
        alphabet: attributes.get("alphabet")?.value || "ipa",
        phonemes: attributes.get("ph")!.value.trim(),
        place: placeOf(this.#xml.document, at),
      });
  }

  #checkVersion(attributes: XmlAttributes, at: number): void {
    const version = attributes.get("version")?.value;
    if (version !== undefined && version !== "1.0" && version !== "1.1")
      throw this.#error(at, `SSML has the versions 1.0 and 1.1, not ${shown(version)}`);
  }

  #break(attributes: XmlAttributes, at: number): void {
    const time = this.#read(attributes, "time", duration);
    const strength = attributes.get("strength");
    if (strength !== undefined && !Object.hasOwn(BREAK_STRENGTHS, strength.value))
      throw this.#error(
        strength.at,
        `a break is ${Object.keys(BREAK_STRENGTHS).join(", ")}, not ${shown(strength.value)}`,
      );
    const ms = time ?? BREAK_STRENGTHS[strength?.value ?? "medium"]!;
    if (ms > 0) this.#writer.rest(ms);
    else this.#notice(at, "a pause that an engine makes by itself is not taken away");
  }

  #mark(attributes: XmlAttributes, at: number): void {
    const name = attributes.get("name")!.value;
    const { maxMarkChars } = SCRIPT_BOUNDS;
    if (name === "" || name.length > maxMarkChars)
      throw this.#error(at, `the name of a mark has 1 to ${maxMarkChars} characters`);
    this.#writer.mark(name);
  }

  #read<T>(attributes: XmlAttributes, name: string, parse: (text: string) => Read<T>): T | undefined {
    const attribute = attributes.get(name);
    if (attribute === undefined) return undefined;
    const read = parse(attribute.value.trim());
    if ("wrong" in read) throw this.#error(attribute.at, `${name}=${shown(attribute.value)} ${read.wrong}`);
    if (read.note !== undefined) this.#notice(attribute.at, read.note);
    return read.value;
  }

  #notice(at: number, message: string): void {
    if (this.#writer.takesNotices) this.#writer.notice(message, placeOf(this.#xml.document, at));
  }

  #error(at: number, what: string): Error {
    return this.#xml.error(at, what);
  }
}
