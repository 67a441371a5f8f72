// How this process should run, decided before anything of ours is loaded. Plain JavaScript, so that a Node too old for
// the rest can at least be told so.
import module from "node:module";
import v8 from "node:v8";

const MIN_NODE = 22;

if (Number.parseInt(process.versions.node, 10) < MIN_NODE) {
  process.stderr.write(`mynah: this is Node ${process.versions.node}; Mynah needs ${MIN_NODE} or newer\n`);
  process.exit(2);
}

// Collect garbage early rather than grow: a server that mostly hands on bytes has a small heap, and keeping it small
// costs about a tenth of the cached requests per second for a third of the memory (measured: bench/memory.ts).
v8.setFlagsFromString("--optimize-for-size");
// Keeps compiled code from one start to the next, ours and that of our threads, which look for the variable.
module.enableCompileCache();
process.env.NODE_COMPILE_CACHE ??= module.getCompileCacheDir();
