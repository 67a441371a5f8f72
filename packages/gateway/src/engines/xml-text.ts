const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
/** What XML 1.0 has no place for, and what makes the service refuse a text: most control characters, two non-characters. */
const NOT_IN_XML = /(?![\t\n\r\u007f-\u009f])\p{Cc}|[\ufffe\uffff]/gu;

/** Text as it may stand in an attribute between double quotes. */
export function escapedAttribute(text: string): string {
  return escapedText(text).replaceAll('"', "&quot;");
}

/** Text as it may stand between two tags: lone surrogates become U+FFFD, characters that XML has no place for spaces. */
export function escapedText(text: string): string {
  return text
    .toWellFormed()
    .replace(NOT_IN_XML, " ")
    .replace(/[&<>]/g, (character) => ESCAPES[character]!);
}
