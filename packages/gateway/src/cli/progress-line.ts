export type ProgressLine = { update(done: number, more?: string): void; end(): void };

const BAR_WIDTH = 24;

/** One line that is rewritten on a terminal; where output goes elsewhere it stays silent. */
export function progressLine(
  out: NodeJS.WriteStream,
  { label, total, unit }: { readonly label: string; readonly total: number; readonly unit: string },
): ProgressLine {
  if (!out.isTTY) return { update: () => {}, end: () => {} };
  return {
    update(done, more = "") {
      const filled = Math.round(Math.min(1, done / total) * BAR_WIDTH);
      const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
      const line = `${label} ${bar} ${done}/${total} ${unit}${more && `  ${more}`}`;
      out.write(`\r\u001b[K${line.slice(0, Math.max(20, (out.columns || 80) - 1))}`);
    },
    end: () => void out.write("\r\u001b[K"),
  };
}
