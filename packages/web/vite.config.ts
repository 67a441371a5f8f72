import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/** Builds the page to `dist`, which the gateway serves. `npm run dev` speaks through a gateway on its default port. */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the gateway's Content-Security-Policy has no room for inlined scripts or styles
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/v1": "http://127.0.0.1:8080", "/readyz": "http://127.0.0.1:8080" } },
});
