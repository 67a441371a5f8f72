/** Prints what the SDK costs a page: bundled, minified and packed, as a bundler and a server would.  node tools/client-size.ts */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

/** All of it, playback too. A page that uses less gets less: everything can be shaken off. */
export const MAX_CLIENT_BYTES = 8 * 1024;

const SOURCE = join(import.meta.dirname, "../packages/client/src");
const PARTS = {
  "HTTP only": `export { createClient } from "${SOURCE}/index.ts"`,
  "socket only": `export { connect } from "${SOURCE}/index.ts"`,
  "@mynah/client": `export * from "${SOURCE}/index.ts"`,
  "@mynah/client/player": `export * from "${SOURCE}/player/index.ts"`,
  "both, together": `export * from "${SOURCE}/index.ts"; export * from "${SOURCE}/player/index.ts"`,
} as const;

export type ClientSizes = Record<keyof typeof PARTS, { readonly bytes: number; readonly gzipBytes: number }>;

/** Bytes of each way to use the SDK. */
export async function clientSizes(): Promise<ClientSizes> {
  const sizes: [string, { bytes: number; gzipBytes: number }][] = [];
  for (const [part, code] of Object.entries(PARTS)) {
    const script = Buffer.from(await bundle(code));
    sizes.push([part, { bytes: script.length, gzipBytes: gzipSync(script, { level: 9 }).length }]);
  }
  return Object.fromEntries(sizes) as ClientSizes;
}

async function bundle(code: string): Promise<string> {
  const entry = "\0entry";
  const result = await build({
    configFile: false,
    logLevel: "error",
    plugins: [
      { name: "entry", resolveId: (id) => (id === entry ? id : null), load: (id) => (id === entry ? code : null) },
    ],
    build: {
      write: false,
      target: "es2022",
      minify: true,
      rolldownOptions: { input: entry, preserveEntrySignatures: "strict" },
    },
  });
  const [output] = [result].flat();
  if (!output || !("output" in output)) throw new Error("vite gave no bundle");
  return output.output.map((file) => ("code" in file ? file.code : "")).join("");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const sizes = await clientSizes();
  for (const [part, { bytes, gzipBytes }] of Object.entries(sizes))
    process.stdout.write(
      `${part.padEnd(22)} ${String(bytes).padStart(6)} B   ${String(gzipBytes).padStart(5)} B gzipped\n`,
    );
  const over = sizes["both, together"].gzipBytes - MAX_CLIENT_BYTES;
  if (over > 0) process.stderr.write(`${over} B more than the ${MAX_CLIENT_BYTES} B that were promised\n`);
  process.exitCode = over > 0 ? 1 : 0;
}
