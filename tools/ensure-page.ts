/**
 * Builds the page at `/` if it has not been built since its sources last changed. `npm start` runs this first, so that a
 * fresh clone needs no build step; in an installation without the build tools it leaves whatever page is there.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const web = join(root, "packages/web");
const built = join(web, "dist/index.html");
const sources = ["packages/web", "packages/client/src", "packages/protocol/src"].map((path) => join(root, path));

function newestChange(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/[\\/](dist|node_modules)([\\/]|$)/.test(entry.parentPath))
    .reduce((newest, entry) => Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs), 0);
}

const stale = !existsSync(built) || statSync(built).mtimeMs < Math.max(...sources.map(newestChange));
if (stale) {
  try {
    const { build } = await import("vite");
    await build({ root: web, logLevel: "warn" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    process.stderr.write("vite is not installed, so the page is not built; the API works without it\n");
  }
}
