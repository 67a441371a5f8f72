// How our processes run, decided before anything of ours is loaded. Plain JavaScript, so that a Node too old for the
// rest can at least be told so.
import module from "node:module";

const MIN_NODE = 22;

if (Number.parseInt(process.versions.node, 10) < MIN_NODE) {
  process.stderr.write(`mynah: this is Node ${process.versions.node}; Mynah needs ${MIN_NODE} or newer\n`);
  process.exit(2);
}

// Keeps compiled code from one start to the next, ours and that of our threads, which look for the variable.
module.enableCompileCache();
process.env.NODE_COMPILE_CACHE ??= module.getCompileCacheDir();

/**
 * What a server is started with: a young generation of a fixed size, so that V8 neither begins with one that fills at
 * every second request nor lets it grow; two malloc arenas instead of one for each thread. docs/decisions/0006.
 */
export const SERVER_FLAGS = ["--min-semi-space-size=8", "--max-semi-space-size=8"];
export const SERVER_ENV = { MALLOC_ARENA_MAX: "2" };
