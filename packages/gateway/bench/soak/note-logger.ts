import { type Logger, pino } from "pino";
import type { NoteKind } from "./gateway-child.ts";

type Line = {
  readonly msg: string;
  readonly level: number;
  readonly redis?: readonly string[];
  readonly state?: string;
};

const ERROR_LEVEL = 50;

/** A gateway's log, of which only what it says about Redis is kept. Errors go to the console: there should be none. */
export function noteLogger(note: (kind: NoteKind, roles?: readonly string[]) => void): Logger {
  return pino(
    { level: "debug" },
    {
      write(text: string) {
        const line = JSON.parse(text) as Line;
        if (line.msg.startsWith("redis did not decide")) note("not decided");
        if (line.redis !== undefined && line.state !== undefined)
          note(line.state === "up" ? "redis up" : "redis down", line.redis);
        if (line.level >= ERROR_LEVEL) process.stderr.write(text);
      },
    },
  );
}
