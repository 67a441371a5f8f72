const ONES =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(
    " ",
  );
const TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ");
const SCALES = ["", " thousand", " million", " billion", " trillion"];
const IRREGULAR_ORDINALS: ReadonlyMap<string, string> = new Map([
  ["one", "first"],
  ["two", "second"],
  ["three", "third"],
  ["five", "fifth"],
  ["eight", "eighth"],
  ["nine", "ninth"],
  ["twelve", "twelfth"],
]);

/** The largest number that is said in words; longer ones are said digit by digit. */
export const MAX_IN_WORDS = 999_999_999_999_999;

/** A whole number from 0 to `MAX_IN_WORDS` in English: "one hundred twenty-three". */
export function cardinal(value: number): string {
  if (value < 20) return ONES[value]!;
  if (value < 100) return TENS[Math.floor(value / 10) - 2]! + (value % 10 === 0 ? "" : `-${ONES[value % 10]}`);
  if (value < 1000) {
    const rest = value % 100;
    return `${ONES[Math.floor(value / 100)]} hundred${rest === 0 ? "" : ` ${cardinal(rest)}`}`;
  }
  const groups: string[] = [];
  for (let rest = value, scale = 0; rest > 0; rest = Math.floor(rest / 1000), scale++) {
    const group = rest % 1000;
    if (group > 0) groups.unshift(cardinal(group) + SCALES[scale]);
  }
  return groups.join(" ");
}

/** "one hundred twenty-third". */
export function ordinal(value: number): string {
  const words = cardinal(value);
  const from = Math.max(words.lastIndexOf(" "), words.lastIndexOf("-")) + 1;
  const last = words.slice(from);
  const changed = IRREGULAR_ORDINALS.get(last) ?? (last.endsWith("y") ? `${last.slice(0, -1)}ieth` : `${last}th`);
  return words.slice(0, from) + changed;
}

/** A year as it is said: "nineteen oh five", "two thousand five", "twenty twenty-six". */
export function year(value: number): string {
  const century = Math.floor(value / 100);
  const rest = value % 100;
  if (value < 1000 || value > 9999 || (century % 10 === 0 && rest < 10)) return cardinal(value);
  if (rest === 0) return `${cardinal(century)} hundred`;
  return `${cardinal(century)} ${rest < 10 ? `oh ${ONES[rest]}` : cardinal(rest)}`;
}

/** Each digit by its name. */
export function digitNames(digits: string): string {
  return digits
    .split("")
    .map((digit) => ONES[Number(digit)])
    .join(" ");
}
