/** A Markdown table from rows of cells. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line), ""].join("\n");
}

/** A table as it was printed. */
export type Table = { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] };

/** The Markdown tables in a text, as `table` makes them. */
export function tablesIn(text: string): Table[] {
  const tables: { columns: string[]; rows: string[][] }[] = [];
  let open: { columns: string[]; rows: string[][] } | undefined;
  for (const line of text.split("\n")) {
    if (!line.startsWith("| ")) open = undefined;
    else {
      const cells = line.slice(2, -2).split(" | ");
      if (open === undefined) {
        open = { columns: cells, rows: [] };
        tables.push(open);
      } else if (!cells.every((cell) => cell === "---")) open.rows.push(cells);
    }
  }
  return tables;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const fixed = (value: number, digits = 1): string => value.toFixed(digits);
