import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

/** Builds the page to `dist`, which the gateway serves. `npm run dev` speaks through a gateway on its default port. */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  plugins: [flags(), preloadFont()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the gateway's Content-Security-Policy has no room for inlined scripts or styles
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/v1": { target: "http://127.0.0.1:8080", ws: true }, "/readyz": "http://127.0.0.1:8080" } },
});

/** A file per country: nobody loads the flags of voices that are not in view. */
function flags(): Plugin {
  const directory = join(dirname(createRequire(import.meta.url).resolve("country-flag-icons/package.json")), "3x2");
  return {
    name: "mynah-flags",
    generateBundle() {
      for (const name of readdirSync(directory).filter((file) => /^[A-Z]{2}\.svg$/.test(file)))
        this.emitFile({ type: "asset", fileName: `assets/flags/${name}`, source: readFileSync(join(directory, name)) });
    },
  };
}

/** The font is asked for before the style sheet that names it has come: it is `optional`, so a late one is not used. */
function preloadFont(): Plugin {
  return {
    name: "mynah-preload-font",
    transformIndexHtml: {
      order: "post",
      handler: (_, { bundle = {} }) =>
        Object.keys(bundle)
          .filter((name) => name.endsWith(".woff2"))
          .map((name) => ({
            tag: "link",
            attrs: { rel: "preload", href: `/${name}`, as: "font", type: "font/woff2", crossorigin: "" },
            injectTo: "head-prepend" as const,
          })),
    },
  };
}
