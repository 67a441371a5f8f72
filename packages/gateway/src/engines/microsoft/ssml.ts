const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
/** The text that was escaped. What is no entity stays as it is. */
export function unescapedText(escaped: string): string {
  return escaped.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w{1,8}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code > 0x10_ffff ? whole : String.fromCodePoint(code);
  });
}

/**
 * Escaped text in parts of at most `maxBytes` of UTF-8 each, cut at the last line break within reach, else at the last space,
 * else between two characters; never inside an entity or a code point. Parts are trimmed; blank ones are left out.
 */
export function splitEscaped(escaped: string, maxBytes: number): string[] {
  const parts: string[] = [];
  let from = 0;
  while (from < escaped.length) {
    const to = cutAt(escaped, from, maxBytes);
    const part = escaped.slice(from, to).trim();
    if (part !== "") parts.push(part);
    from = to;
  }
  return parts;
}

function cutAt(escaped: string, from: number, maxBytes: number): number {
  const atoms = /&[^;&]{1,9};|./gsu; // an entity or a code point
  atoms.lastIndex = from;
  let [bytes, line, space] = [0, 0, 0];
  for (let atom = atoms.exec(escaped); atom !== null; atom = atoms.exec(escaped)) {
    const { 0: text, index } = atom;
    bytes += Buffer.byteLength(text);
    // White space that is one too many is a fine place too: it is trimmed away.
    if (text === "\n") line = index + 1;
    else if (text === " ") space = index + 1;
    if (bytes > maxBytes) return line || space || (index > from ? index : from + text.length);
  }
  return escaped.length;
}

/** A factor as a signed percentage: 1.5 is `+50%`, 1 is `+0%`. */
export function percent(factor: number): string {
  const change = Math.round((factor - 1) * 100);
  return `${change < 0 ? "-" : "+"}${Math.abs(change)}%`;
}
