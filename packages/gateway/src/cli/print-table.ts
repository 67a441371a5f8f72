/** Writes columns as wide as their widest cell to standard output. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  for (const row of all) {
    const line = row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ");
    process.stdout.write(`${line.trimEnd()}\n`);
  }
}
