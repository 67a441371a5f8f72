import { type Logger, pino } from "pino";
import { LineBatch } from "./line-batch.ts";
import { terminalLog } from "./terminal-log.ts";

/** So much is written to a pipe in one piece (POSIX: PIPE_BUF, on Linux 4096); of more, parts of other processes' lines may come in between. */
const PIPE_ATOM_BYTES = 4096;

export type OpenLogger = {
  readonly logger: Logger;
  /** Writes what is held; to be called when the process ends. */
  flush(): void;
};

/** A logger on a process's output: lines for people where that is a terminal, else one JSON object a line. */
export function openLogger(
  level: string,
  out: NodeJS.WriteStream,
  /** Whether other processes write there as well. */
  { shared = false }: { readonly shared?: boolean } = {},
): OpenLogger {
  out.on("error", () => {}); // whoever reads the log may go (EPIPE), and what is served goes on
  if (out.isTTY) return { logger: pino({ level }, terminalLog(out)), flush() {} };
  const lines = new LineBatch(out, shared ? { batchBytes: PIPE_ATOM_BYTES } : {});
  return { logger: pino({ level }, lines), flush: () => lines.flush() };
}
