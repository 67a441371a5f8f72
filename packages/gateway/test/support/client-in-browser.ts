import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";
import { build } from "vite";

/** Everything that reaches the loudspeaker also comes out of this node's port, sample by sample. */
const TAP = `registerProcessor("tap", class extends AudioWorkletProcessor {
  process([[samples]], [[out]]) {
    if (samples) out.set(samples); // without a source there is none: silence is recorded too
    this.port.postMessage(out.slice());
    return true;
  }
});`;

/** Defines `openTap()`: a context at 24 kHz whose sound is recorded. */
const LISTEN = `globalThis.openTap = async () => {
  const context = new AudioContext({ sampleRate: 24000 });
  await context.audioWorklet.addModule("/tap.js");
  const node = new AudioWorkletNode(context, "tap", { channelCount: 1, channelCountMode: "explicit" });
  node.connect(context.destination);
  const blocks = [];
  node.port.onmessage = ({ data }) => blocks.push(data);
  const recorded = () => {
    const all = new Float32Array(blocks.reduce((sum, { length }) => sum + length, 0));
    blocks.reduce((at, block) => (all.set(block, at), at + block.length), 0);
    return all;
  };
  return { context, node, recorded };
};
globalThis.base64 = (samples) => {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
};`;

export type ClientPage = { readonly directory: string; remove(): void };

/** The SDK as browsers get it, and a page that records what is heard, as files for a gateway to serve at `/`. */
export async function buildClientPage(): Promise<ClientPage> {
  const directory = mkdtempSync(join(tmpdir(), "mynah-client-page-"));
  const source = fileURLToPath(new URL("../../../client/src/", import.meta.url));
  await build({
    configFile: false,
    logLevel: "warn",
    build: {
      outDir: directory,
      emptyOutDir: true,
      lib: { entry: { client: join(source, "index.ts"), player: join(source, "player/index.ts") }, formats: ["es"] },
      minify: false,
    },
  });
  writeFileSync(join(directory, "tap.js"), TAP);
  writeFileSync(join(directory, "listen.js"), LISTEN);
  writeFileSync(
    join(directory, "index.html"),
    `<!doctype html><title>Listening</title><link rel="icon" href="data:,"><script src="/listen.js"></script>`,
  );
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/**
 * Runs the body of an async function in the page. `client`, `player` (the modules), `openTap` and `base64` are there; `input` is
 * what is given. As text, because what vitest does to functions cannot run elsewhere.
 */
export function inPage<Result>(page: Page, input: unknown, body: string): Promise<Result> {
  const script = `(async (input) => {
    const [client, player] = await Promise.all([import("/client.js"), import("/player.js")]);
    ${body}
  })(${JSON.stringify(input)})`;
  return page.evaluate<Result>(script);
}

export function floats(base64: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(base64, "base64")).buffer);
}
