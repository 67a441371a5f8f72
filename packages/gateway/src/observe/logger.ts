import { type Logger, pino } from "pino";
import { LineBatch } from "./line-batch.ts";
import { terminalLog } from "./terminal-log.ts";

export type OpenLogger = {
  readonly logger: Logger;
  /** Writes what is held; to be called when the process ends. */
  flush(): void;
};

/** A logger on a process's output: lines for people where that is a terminal, else one JSON object a line. */
export function openLogger(level: string, out: NodeJS.WriteStream): OpenLogger {
  if (out.isTTY) return { logger: pino({ level }, terminalLog(out)), flush() {} };
  const lines = new LineBatch(out);
  return { logger: pino({ level }, lines), flush: () => lines.flush() };
}
