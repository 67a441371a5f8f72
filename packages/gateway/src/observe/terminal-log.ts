import { Writable } from "node:stream";

const LEVELS: Readonly<Record<number, string>> = { 20: "debug", 30: "", 40: "warning", 50: "error", 60: "fatal" };
const NOT_SHOWN = new Set(["level", "time", "pid", "hostname", "msg", "name"]);

/** Turns the logger's JSON lines into lines for people, where a terminal reads them. */
export function terminalLog(out: NodeJS.WritableStream): Writable {
  return new Writable({
    decodeStrings: false,
    write(line: string | Buffer, _encoding, done) {
      out.write(`${forPeople(String(line))}\n`);
      done();
    },
  });
}

/** `12:03:04 speech delivered  engine=flite format=mp3 …` */
export function forPeople(line: string): string {
  const entry = JSON.parse(line) as Record<string, unknown> & { level: number; time: number; msg?: string };
  const fields = Object.entries(entry)
    .filter(([name]) => !NOT_SHOWN.has(name))
    .map(([name, value]) => `${name}=${shown(value)}`);
  const time = new Date(entry.time).toTimeString().slice(0, 8);
  const level = LEVELS[entry.level] ?? String(entry.level);
  return `${time} ${level ? `${level}: ` : ""}${entry.msg ?? ""}  ${fields.join(" ")}`.trimEnd();
}

const PLAIN = /^[\w.:@/+-]+$/;
/** What a terminal would obey or hide instead of showing it: control characters, marks of direction, line separators. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Users choose their own names; none may look like another line, or move the cursor. */
function shown(value: unknown): string {
  if (typeof value === "string" && PLAIN.test(value)) return value;
  return (JSON.stringify(value) ?? "").replace(UNSEEN, (unseen) => `\\u{${unseen.codePointAt(0)!.toString(16)}}`);
}
