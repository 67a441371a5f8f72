export type ProgressLine = { update(done: number): void; end(): void };

const BAR_WIDTH = 24;

/** One line that is rewritten on a terminal; where output goes elsewhere it stays silent. */
export function progressLine(
  out: NodeJS.WriteStream,
  { label, total, unit }: { readonly label: string; readonly total: number; readonly unit: string },
): ProgressLine {
  if (!out.isTTY) return { update: () => {}, end: () => {} };
  return {
    update(done) {
      const filled = Math.round((done / total) * BAR_WIDTH);
      const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
      out.write(`\r\u001b[K${label} ${bar} ${done}/${total} ${unit}`);
    },
    end: () => void out.write("\r\u001b[K"),
  };
}
