import { SCRIPT_BOUNDS, type VoiceWish } from "../script.ts";
import type { Gender, VoiceAge, VoiceTraits } from "../voice.ts";
import { language } from "./attributes.ts";
import { placeOf } from "./place.ts";
import { shown, ssmlError } from "./xml-error.ts";
import type { XmlAttributes } from "./xml-reader.ts";

const MAX_NAMES = 8;
const GENDERS: readonly string[] = ["female", "male", "neutral"] satisfies Gender[];
/** From which age on a voice sounds so. */
const AGES: readonly (readonly [number, VoiceAge])[] = [
  [60, "old"],
  [30, "middle"],
  [13, "young"],
  [0, "child"],
];
const FAILURES = ["priorityselect", "keepexisting", "ignoretext", "processorchoice"];

/** Reads `<voice>`. The same attributes in the same surroundings give the same wish, so that nobody is looked for twice. */
export class VoiceWishes {
  readonly #document: string;
  readonly #known = new Map<string, VoiceWish>();
  readonly #numbers = new Map<VoiceWish, number>();

  constructor(document: string) {
    this.#document = document;
  }

  /** Throws `ssml_invalid`. */
  read(
    attributes: XmlAttributes,
    at: number,
    outer: VoiceWish,
  ): { readonly wish: VoiceWish; readonly notices: readonly { readonly message: string; readonly at: number }[] } {
    const names = this.#names(attributes);
    const traits = this.#traits(attributes);
    const failure = this.#oneOf(attributes, "onvoicefailure", FAILURES);
    const variant = attributes.get("variant");
    const notices =
      variant === undefined || variant.value === "1"
        ? []
        : [{ message: "the variant of a voice is not chosen", at: variant.at }];
    if (names.length === 0 && traits === undefined) return { wish: outer, notices };
    const memo = JSON.stringify([names, traits, failure, this.#numberOf(outer)]);
    const wish = this.#known.get(memo) ?? {
      names,
      ...(traits !== undefined && { traits }),
      ...(failure !== undefined && { otherwise: failure === "ignoretext" ? ("leave-out" as const) : { voice: outer } }),
      place: placeOf(this.#document, at),
      param: "input",
    };
    this.#known.set(memo, wish);
    if (this.#known.size > SCRIPT_BOUNDS.maxVoices)
      throw ssmlError(this.#document, at, `more than ${SCRIPT_BOUNDS.maxVoices} different voices`);
    return { wish, notices };
  }

  #numberOf(wish: VoiceWish): number {
    const number = this.#numbers.get(wish) ?? this.#numbers.size;
    this.#numbers.set(wish, number);
    return number;
  }

  /** A list with spaces between, as SSML has it; or one name that holds spaces, as some engines have it. */
  #names(attributes: XmlAttributes): readonly string[] {
    const attribute = attributes.get("name");
    const whole = attribute?.value.trim().replaceAll(/\s+/g, " ") ?? "";
    if (whole === "") return [];
    const parts = whole.split(" ");
    if (parts.length > MAX_NAMES)
      throw ssmlError(this.#document, attribute!.at, `more than ${MAX_NAMES} names of voices`);
    return parts.length === 1 ? parts : [whole, ...parts];
  }

  #traits(attributes: XmlAttributes): VoiceTraits | undefined {
    const gender = this.#oneOf(attributes, "gender", GENDERS) as Gender | undefined;
    const age = this.#age(attributes);
    const spoken = this.#language(attributes);
    if (gender === undefined && age === undefined && spoken === undefined) return undefined;
    return {
      ...(gender !== undefined && { gender }),
      ...(age !== undefined && { age }),
      ...(spoken !== undefined && { language: spoken }),
    };
  }

  #age(attributes: XmlAttributes): VoiceAge | undefined {
    const attribute = attributes.get("age");
    if (attribute === undefined || attribute.value === "") return undefined;
    if (!/^\d{1,3}$/.test(attribute.value))
      throw ssmlError(this.#document, attribute.at, `an age is a number of years, not ${shown(attribute.value)}`);
    const years = Number(attribute.value);
    return AGES.find(([from]) => years >= from)?.[1];
  }

  /** The first of `languages`, each of which may say what accent it has: `en:fr`. */
  #language(attributes: XmlAttributes): string | undefined {
    const attribute = attributes.get("languages");
    const [first = ""] = attribute?.value.trim().split(/[\s:]/) ?? [];
    if (first === "") return undefined;
    const read = language(first);
    if ("wrong" in read) throw ssmlError(this.#document, attribute!.at, `${shown(first)} ${read.wrong}`);
    return read.value;
  }

  #oneOf(attributes: XmlAttributes, name: string, values: readonly string[]): string | undefined {
    const attribute = attributes.get(name);
    if (attribute === undefined || attribute.value === "") return undefined;
    if (values.includes(attribute.value)) return attribute.value;
    throw ssmlError(this.#document, attribute.at, `${name} is ${values.join(", ")}, not ${shown(attribute.value)}`);
  }
}
