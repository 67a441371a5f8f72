/** What is compared of a name, and at most how many names: an unknown voice costs microseconds, whoever sends it. */
const MAX_COMPARED_CHARS = 64;
const MAX_COMPARED = 5_000;
const MAX_SUGGESTIONS = 3;

/** Names that somebody who wrote `name` may have meant, best first, at most three. */
export function nearestNames(name: string, names: Iterable<string>): string[] {
  if (name.length > MAX_COMPARED_CHARS) return [];
  const wanted = name.toLowerCase();
  const farthest = Math.min(3, Math.ceil(wanted.length / 3));
  const near: { readonly name: string; readonly distance: number }[] = [];
  let compared = 0;
  for (const candidate of new Set(names)) {
    if (++compared > MAX_COMPARED) break;
    const distance = distanceWithin(wanted, candidate.toLowerCase(), farthest);
    if (distance !== undefined) near.push({ name: candidate, distance });
  }
  return near
    .sort((a, b) => a.distance - b.distance)
    .slice(0, MAX_SUGGESTIONS)
    .map((found) => found.name);
}

/**
 * Levenshtein distance, or undefined where it is beyond `farthest`: only the cells of the table that could stay within
 * are computed. A name that begins as written counts as near.
 */
function distanceWithin(a: string, b: string, farthest: number): number | undefined {
  if (a.length >= 3 && b.startsWith(a)) return farthest;
  if (Math.abs(a.length - b.length) > farthest) return undefined;
  const beyond = farthest + 1;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  let next = row.map(() => beyond);
  for (let i = 1; i <= a.length; i++) {
    const first = Math.max(1, i - farthest);
    const last = Math.min(b.length, i + farthest);
    next[first - 1] = first === 1 ? i : beyond;
    let least = next[first - 1]!;
    for (let j = first; j <= last; j++) {
      const above = j === i + farthest ? beyond : row[j]!;
      const swapped = row[j - 1]! + Number(a.charCodeAt(i - 1) !== b.charCodeAt(j - 1));
      const cell = Math.min(above + 1, next[j - 1]! + 1, swapped);
      next[j] = cell;
      if (cell < least) least = cell;
    }
    if (least > farthest) return undefined;
    [row, next] = [next, row];
  }
  const distance = row[b.length]!;
  return distance <= farthest ? distance : undefined;
}
