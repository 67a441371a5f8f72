/**
 * Puts what a server needs at run time, and nothing else, into a folder of its own:
 *   node tools/assemble-server.ts OUT && node OUT/packages/gateway/bin/mynah.mjs
 * The Dockerfile copies that folder into its image; the tests run it, so that the image is tried without Docker.
 * Folders lie as they do here, so the sources run from there as they do from a checkout: Node strips types of nothing
 * below node_modules, which the links to our own packages lead out of.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";

const ROOT = join(import.meta.dirname, "..");
const SERVER = "packages/gateway";
/** Of our own packages; with what their manifests name as dependencies, this is all that runs. */
const OURS: Readonly<Record<string, readonly string[]>> = {
  [SERVER]: ["package.json", "bin", "src"],
  "packages/protocol": ["package.json", "src"],
  "packages/web": ["dist"],
};
/** Of our own sources only the tests are left out. */
const OUR_TESTS = /\.test\.ts$/;
/** Of packages, what people and debuggers read; a third of what npm installs. */
const NOT_RUN = /\.(map|md|markdown|d\.ts|d\.mts|d\.cts)$|[\\/](test|tests|docs|examples|\.github)$/;
/** What the licences ask to be passed on with the code. */
const LEGAL = /[\\/](licen[cs]e|copying|notice|copyright)[^\\/]*$/i;

type Manifest = {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};

/** Throws when the page is not built or a dependency is not installed, saying what to run. */
export function assembleServer(out: string): { readonly packages: number } {
  if (!existsSync(join(ROOT, "packages/web/dist/index.html")))
    throw new Error("the page is not built; run: npm run build:page");
  if (existsSync(out) && readdirSync(out).length > 0) throw new Error(`${out} is not empty`);
  for (const [folder, parts] of Object.entries(OURS)) {
    for (const part of parts) copy(join(ROOT, folder, part), join(out, folder, part), OUR_TESTS);
  }
  copy(join(ROOT, "LICENSE"), join(out, "LICENSE"), OUR_TESTS);
  const installed = dependenciesOf(join(ROOT, SERVER));
  for (const [link, folder] of installed) {
    const target = join(out, relative(ROOT, link));
    if (link === folder) copy(folder, target, NOT_RUN);
    else linkTo(join(out, relative(ROOT, folder)), target);
  }
  return { packages: installed.size };
}

/** Where everything is that a package needs at run time, with all that those need: path of the package, where it really lies. */
function dependenciesOf(folder: string, found = new Map<string, string>()): Map<string, string> {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  const optional = Object.keys(manifest.optionalDependencies ?? {});
  for (const name of new Set([...Object.keys(manifest.dependencies ?? {}), ...optional])) {
    const link = installedAt(name, folder);
    if (link === undefined && optional.includes(name)) continue;
    if (link === undefined) throw new Error(`${name}, which ${folder} needs, is not installed; run: npm ci`);
    if (found.has(link)) continue;
    found.set(link, realpathSync(link));
    dependenciesOf(realpathSync(link), found);
  }
  return found;
}

/** As Node looks for it: in node_modules of the folder, then of those above. */
function installedAt(name: string, from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, "node_modules", name);
    if (existsSync(join(path, "package.json"))) return path;
    if (folder === ROOT || folder === dirname(folder)) return undefined;
  }
}

/** Without what is left out, and without packages inside of a package: those that are needed are found by themselves. */
function copy(from: string, to: string, leftOut: RegExp): void {
  mkdirSync(dirname(to), { recursive: true });
  const nested = join(from, "node_modules");
  const filter = (path: string): boolean =>
    path !== nested && !path.startsWith(nested + sep) && (path === from || LEGAL.test(path) || !leftOut.test(path));
  cpSync(from, to, { recursive: true, filter });
}

function linkTo(target: string, link: string): void {
  rmSync(link, { force: true, recursive: true });
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(relative(dirname(link), target), link);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const out = process.argv[2];
  if (out === undefined) {
    process.stderr.write("usage: node tools/assemble-server.ts OUT\n");
    process.exit(2);
  }
  const { packages } = assembleServer(resolve(out));
  process.stdout.write(`${out}: the server and ${packages} packages\n`);
}
