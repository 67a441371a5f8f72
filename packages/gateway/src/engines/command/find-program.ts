import { access, constants, stat } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";

/** The file that is run for this name or path; undefined when there is none that may be run. */
export async function findProgram(command: string, path: string): Promise<string | undefined> {
  const candidates = /[/\\]/.test(command)
    ? [resolve(command)]
    : path.split(delimiter).flatMap((folder) => (folder === "" ? [] : [join(folder, command)]));
  for (const file of candidates) if (await isProgram(file)) return file;
  return undefined;
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
