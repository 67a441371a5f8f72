/** What a detector says: the likeliest language, how likely others are, and whether it would rely on it. */
export type Detected = {
  readonly language: string;
  readonly scores: Readonly<Record<string, number>>;
  readonly reliable: boolean;
};

/** A text of fewer letters says nothing unless the detector relies on it: "Hello" is a word in ten languages. */
const MIN_LETTERS = 16;
/** The next best must be so much less likely. */
const MIN_LEAD = 0.03;

/** The language of a text among those that can be spoken; undefined: too little to tell. */
export function chosenLanguage(
  text: string,
  { language, scores, reliable }: Detected,
  among: readonly string[] | undefined,
): string | undefined {
  const may = (tag: string): boolean => among === undefined || among.includes(tag);
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  const isClear = reliable && may(language);
  if (isClear && (letters >= MIN_LETTERS || /[^\p{Script=Latin}\P{L}]/u.test(text))) return language;
  const [best, second] = Object.entries(scores)
    .filter(([tag]) => may(tag))
    .sort(([, a], [, b]) => b - a);
  if (best === undefined || letters < MIN_LETTERS) return undefined;
  return second === undefined || best[1] - second[1] >= MIN_LEAD ? best[0] : undefined;
}
