/**
 * Every package that comes with the gateway, and under which licence: those of package-lock.json that no flag calls a
 * development dependency, optional ones included. Reads the lock and, where that is silent, node_modules; asks nobody.
 *   node tools/check-licences.ts [--list]
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const ROOT = join(import.meta.dirname, "..");

/**
 * What may come with a gateway under MIT. MPL-2.0 binds the files it is on, which are used unchanged; the BSD licence of
 * four clauses asks for a line in advertising. The GPL's family would bind the whole (`docs/decisions/0003-default-install-holds-no-gpl.md`).
 */
const ALLOWED: ReadonlySet<string> = new Set([
  ...["MIT", "ISC", "0BSD", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "BlueOak-1.0.0", "CC0-1.0", "Unlicense"],
  ...["Python-2.0", "Zlib", "BSD-4-Clause", "MPL-2.0"],
]);

type LockedPackage = {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  /** Of a development dependency and of an optional one. */
  readonly devOptional?: boolean;
  readonly link?: boolean;
};
export type Lock = { readonly packages: Readonly<Record<string, LockedPackage>> };
export type Licence = { readonly name: string; readonly version: string; readonly licence: string | undefined };

/** What a lock says would be installed by those who only run the gateway. `licenceOf` is asked where it says nothing. */
export function licencesOf(lock: Lock, licenceOf: (path: string) => string | undefined = () => undefined): Licence[] {
  return Object.entries(lock.packages)
    .filter(([path, { dev, link }]) => path.startsWith("node_modules/") && dev !== true && link !== true)
    .map(([path, { version = "?", license }]) => ({
      name: path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length),
      version,
      licence: license ?? licenceOf(path),
    }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** An SPDX expression of names, AND, OR, WITH and parentheses. What is not understood is not allowed. */
export function isAllowed(expression: string | undefined): boolean {
  if (expression === undefined) return false;
  const tokens = expression.match(/[()]|[^\s()]+/g) ?? [];
  const { allowed, next } = anyOf(tokens, 0);
  return allowed && next === tokens.length;
}

type Judged = { readonly allowed: boolean; readonly next: number };

function anyOf(tokens: readonly string[], from: number): Judged {
  let { allowed, next } = allOf(tokens, from);
  while (tokens[next] === "OR") {
    const other = allOf(tokens, next + 1);
    allowed = other.allowed || allowed;
    next = other.next;
  }
  return { allowed, next };
}

function allOf(tokens: readonly string[], from: number): Judged {
  let { allowed, next } = oneOf(tokens, from);
  while (tokens[next] === "AND") {
    const other = oneOf(tokens, next + 1);
    allowed = other.allowed && allowed;
    next = other.next;
  }
  return { allowed, next };
}

function oneOf(tokens: readonly string[], from: number): Judged {
  if (tokens[from] !== "(") return { allowed: ALLOWED.has(tokens[from] ?? ""), next: from + 1 };
  const { allowed, next } = anyOf(tokens, from + 1);
  return { allowed: allowed && tokens[next] === ")", next: next + 1 };
}

function main(): void {
  const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as Lock;
  const licences = licencesOf(lock, (path) => {
    const manifest = join(ROOT, path, "package.json");
    if (!existsSync(manifest)) return undefined;
    const { license } = JSON.parse(readFileSync(manifest, "utf8")) as { license?: unknown };
    return typeof license === "string" ? license : undefined;
  });
  if (process.argv.includes("--list"))
    for (const { name, version, licence } of licences) process.stdout.write(`${name}@${version}  ${licence ?? "?"}\n`);
  const refused = licences.filter(({ licence }) => !isAllowed(licence));
  for (const { name, version, licence } of refused)
    process.stderr.write(`${name}@${version}: ${licence ?? "no licence"} may not come with the gateway\n`);
  process.stdout.write(
    `${licences.length} packages come with the gateway, ${refused.length} under a licence that may not\n`,
  );
  process.exitCode = refused.length > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main();
