import { hostname } from "node:os";
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
  const base = { pid: process.pid, hostname: hostname() }; // what every line begins with, as ever
  const logger = pino({ level, base }, lines);
  beside.set(logger, { lines, base: JSON.stringify(base).slice(1, -1) });
  return { logger, flush: () => lines.flush() };
}

type Beside = { readonly lines: LineBatch; readonly base: string };

const beside = new WeakMap<Logger, Beside>();

/**
 * Where whole lines may be written beside this logger, past all that it does to make one, and the fields that they begin with.
 * Undefined: it is none of ours, or writes for people.
 */
export function linesBeside(logger: Logger): Beside | undefined {
  return beside.get(logger);
}
