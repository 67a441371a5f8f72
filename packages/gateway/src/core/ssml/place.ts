/** Where in a document something stands; both count from one, columns in characters. */
export type Place = { readonly line: number; readonly column: number };

/** The place of an index into the document. Linear: for what is told once, not for every element. */
export function placeOf(document: string, at: number): Place {
  let line = 1;
  let lineStart = 0;
  for (let next = 0; next < at; next++) {
    const code = document.charCodeAt(next);
    const breaks = code === 10 || (code === 13 && document.charCodeAt(next + 1) !== 10);
    if (!breaks) continue;
    line++;
    lineStart = next + 1;
  }
  let column = 1;
  for (const _ of document.slice(lineStart, at)) column++;
  return { line, column };
}
