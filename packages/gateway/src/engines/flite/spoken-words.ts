/**
 * Text as flite can read it. Its English front end knows ASCII only and drops every other byte silently ("Café" would
 * be "Caf"), so letters lose their accents here, typographic signs become their plain forms, and what it would leave
 * out without a word (another script) is found out before it speaks.
 */

/** A word as the caller wrote it, without the punctuation around it, and what flite is given for it. */
export type SpokenWord = { readonly text: string; readonly spoken: string };

const FOREIGN_LETTER = /(?!\p{Script=Latin}|\p{Script=Common}|\p{Script=Inherited})\p{L}|(?![0-9])\p{Nd}/u;

const PLAIN: readonly (readonly [RegExp, string])[] = [
  [/[‘’‛′ʼ`´]/g, "'"],
  [/[“”„«»″]/g, '"'],
  [/…/g, "..."],
  [/[‐‑‒−]/g, "-"],
  [/[–—―]/g, ", "],
  [/£\s?([\d.,]*\d)/g, "$1 pounds "],
  [/€\s?([\d.,]*\d)/g, "$1 euros "],
  [/¥\s?([\d.,]*\d)/g, "$1 yen "],
  [/([\d.,]*\d)\s?€/g, "$1 euros "],
  [/£/g, " pounds "],
  [/€/g, " euros "],
  [/¥/g, " yen "],
  [/¢/g, " cents "],
  [/°\s?C\b/g, " degrees celsius "],
  [/°\s?F\b/g, " degrees fahrenheit "],
  [/°/g, " degrees "],
  [/×/g, " times "],
  [/÷/g, " divided by "],
  [/±/g, " plus or minus "],
  [/µ/g, "micro"],
  [/§/g, " section "],
  [/ß/g, "ss"],
  [/ẞ/g, "SS"],
  [/æ/g, "ae"],
  [/Æ/g, "AE"],
  [/œ/g, "oe"],
  [/Œ/g, "OE"],
  [/[øő]/g, "o"],
  [/[ØŐ]/g, "O"],
  [/[đð]/g, "d"],
  [/[ĐÐ]/g, "D"],
  [/þ/g, "th"],
  [/Þ/g, "Th"],
  [/ł/g, "l"],
  [/Ł/g, "L"],
  [/ı/g, "i"],
  [/ŋ/g, "ng"],
];

/** Signs that flite reads aloud by name; any other punctuation only shapes the melody. */
const SPEAKABLE = /[A-Za-z0-9#$%&*+/=@\\^_|~]/;
const SURROUNDING = /^[^\p{L}\p{N}\p{S}#%&@*/\\_]+|[^\p{L}\p{N}\p{S}#%&@*/\\_]+$/gu;

/** Whether the text has letters or digits of another script, which flite would leave out. */
export function hasForeignScript(text: string): boolean {
  return FOREIGN_LETTER.test(text.replaceAll("µ", "").normalize("NFKC"));
}

function plain(word: string): string {
  let result = word;
  for (const [pattern, replacement] of PLAIN) result = result.replace(pattern, replacement);
  return result
    .normalize("NFKD")
    .replaceAll("\u2044", "/") // the fraction slash that NFKD makes of ½
    .replace(/[^\x20-\x7e]/g, "")
    .replace(/\s+/g, " ")
    .replace(/ (?=[.,;:!?])/g, "")
    .trim();
}

/**
 * The words of a text in order. Empty when nothing in it can be heard. Punctuation that stands alone is given to the
 * word before it, for the pause; a paragraph's end becomes a full stop.
 */
export function spokenWords(text: string): SpokenWord[] {
  const words: { text: string; spoken: string }[] = [];
  for (const paragraph of withoutControls(text).split(/\n\s*\n/)) {
    const before = words.at(-1);
    if (before && !/[.!?:;,]["')\]]*$/.test(before.spoken)) before.spoken += ".";
    for (const written of paragraph.split(/\s+/u)) addWord(words, written);
  }
  return words;
}

/** Controls and invisible format signs become spaces, except those that belong inside a word, which vanish. */
function withoutControls(text: string): string {
  return text
    .replace(/\u00ad|\u200c|\u200d|\u2060|\ufeff|[\u{e0000}-\u{e007f}]/gu, "")
    .replace(/\r\n?|[\u2028\u2029]/g, "\n")
    .replace(/[^\P{C}\n]/gu, " ");
}

function addWord(words: { text: string; spoken: string }[], written: string): void {
  const spoken = plain(written);
  const before = words.at(-1);
  if (SPEAKABLE.test(spoken)) words.push({ text: written.replace(SURROUNDING, "") || written, spoken });
  else if (before && /^[.,;:!?]/.test(spoken)) before.spoken += spoken;
  else if (before && /^-+$/.test(spoken) && !/[.,;:!?]$/.test(before.spoken)) before.spoken += ",";
}
