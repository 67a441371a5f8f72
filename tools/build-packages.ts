/**
 * Builds what is published to npm, each into its own `dist`, with a package.json that points there:
 *   node tools/build-packages.ts && npm publish packages/protocol/dist && npm publish packages/client/dist
 * In the repository the packages are their sources, so nothing has to be built to work on them or to start.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const ROOT = join(import.meta.dirname, "..");
/** In the order in which they need each other. */
const PUBLISHED = ["protocol", "client"] as const;
const DESCRIPTIONS: Readonly<Record<(typeof PUBLISHED)[number], string>> = {
  protocol: "The types are the documentation: `src/index.ts` for HTTP, `src/socket.ts` for the WebSocket.",
  client: "Every call is described, with examples, in `docs/client.md` of the repository.",
};

type Manifest = { name: string; description: string; exports: Record<string, string> } & Record<string, unknown>;
type BuiltPackage = { readonly name: string; readonly directory: string };

/** Throws with what the compiler said. */
export function buildPackages(): BuiltPackage[] {
  return PUBLISHED.map((folder) => {
    const source = join(ROOT, "packages", folder);
    const directory = join(source, "dist");
    rmSync(directory, { recursive: true, force: true });
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", join(source, "tsconfig.build.json")]);
    if (status !== 0) throw new Error(`${folder} does not compile:\n${stdout.toString()}`);
    const manifest = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as Manifest;
    writeFileSync(join(directory, "package.json"), `${JSON.stringify(published(manifest), null, 2)}\n`);
    copyFileSync(join(ROOT, "LICENSE"), join(directory, "LICENSE"));
    writeFileSync(
      join(directory, "README.md"),
      `# ${manifest.name}\n\n${manifest.description}.\n\n${DESCRIPTIONS[folder]}\n`,
    );
    return { name: manifest.name, directory };
  });
}

/** `./src/index.ts` becomes `./index.js` with its types. */
function published({ files: _, exports, ...rest }: Manifest): object {
  const entries = Object.entries(exports).map(([name, path]) => {
    const built = path.replace("./src/", "./").replace(/\.ts$/, "");
    return [name, { types: `${built}.d.ts`, default: `${built}.js` }];
  });
  return { ...rest, exports: Object.fromEntries(entries), engines: { node: ">=22" }, files: ["**/*.js", "**/*.d.ts"] };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const { name, directory } of buildPackages()) process.stdout.write(`${name}: ${directory}\n`);
}
