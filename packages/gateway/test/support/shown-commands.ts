import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

export type ShownBlock = { readonly page: string; readonly text: string };
export type ShownCommand = { readonly page: string; readonly command: string };

/** All blocks of one language in the pages that people read; decisions are history, not instructions. */
export function shownBlocks(root: string, language: string): ShownBlock[] {
  const docs = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .map((file) => join(root, "docs", file))
    .filter((file) => file.endsWith(".md") && !file.includes("decisions"));
  const pages = [
    ...["README.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md"].map((file) => join(root, file)),
    ...docs,
  ];
  const fenced = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms");
  return pages.flatMap((path) =>
    [...readFileSync(path, "utf8").matchAll(fenced)].map(([, text]) => ({ page: relative(root, path), text: text! })),
  );
}

/** Every command of the pages' shell blocks: continued lines in one, comments and empty lines left out. */
export function shownCommands(root: string): ShownCommand[] {
  return shownBlocks(root, "sh").flatMap(({ page, text }) =>
    wholeLines(text.replaceAll(/\\\n\s*/g, ""))
      .map(withoutComment)
      .filter((command) => command !== "")
      .map((command) => ({ page, command })),
  );
}

/** A line goes on while a quote is open. */
function wholeLines(text: string): string[] {
  const lines: string[] = [];
  let open = "";
  for (const line of text.split("\n")) {
    open = open === "" ? line : `${open}\n${line}`;
    if (open.replaceAll(/"(?:[^"\\]|\\.)*"|'[^']*'/g, "").includes("'")) continue;
    lines.push(open);
    open = "";
  }
  return open === "" ? lines : [...lines, open];
}

/** A `#` begins a comment where a word could begin, outside of quotes. */
function withoutComment(line: string): string {
  let quote: string | undefined;
  for (const [at, character] of [...line].entries()) {
    if (quote !== undefined) quote = character === quote ? undefined : quote;
    else if (character === "'" || character === '"') quote = character;
    else if (character === "#" && (at === 0 || /\s/.test(line[at - 1]!))) return line.slice(0, at).trim();
  }
  return line.trim();
}
