/** Real assistant replies in order, one a line: a gzip file named by MYNAH_TRACE, or the one beside the repository. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

const BESIDE = new URL("../../../../../shared/traces/sgd-system-utterances.txt.gz", import.meta.url);

export function readTrace(lines: number): string[] {
  const file = process.env.MYNAH_TRACE ?? fileURLToPath(BESIDE);
  if (!existsSync(file)) {
    throw new Error("no trace: set MYNAH_TRACE to a gzip file with one reply a line (Schema-Guided Dialogue has many)");
  }
  return gunzipSync(readFileSync(file)).toString("utf8").split("\n").filter(Boolean).slice(0, lines);
}
