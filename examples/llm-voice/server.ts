/**
 * A page where a language model is spoken while it writes, and stops when you interrupt it. The model is a script, so that this
 * runs anywhere; its stream looks like those of OpenAI's chat API.   node examples/llm-voice/server.ts
 */
import type { ServerResponse } from "node:http";
import { createServer, type Plugin } from "vite";
import { replyTo } from "./script.ts";

const { MYNAH_URL = "http://127.0.0.1:8080", PORT = "8091", TOKEN_MS = "40" } = process.env;

/** GET /chat?question=… answers with server-sent events, a few characters each. */
async function chat(question: string, response: ServerResponse): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  for (const token of replyTo(question).match(/\s?\S{1,4}/g) ?? []) {
    if (response.destroyed) return console.log("the model was interrupted"); // a real one would stop costing money here
    response.write(`data: ${JSON.stringify({ choices: [{ delta: { content: token } }] })}\n\n`);
    await new Promise((resolve) => setTimeout(resolve, Number(TOKEN_MS)));
  }
  response.end("data: [DONE]\n\n");
}

const model: Plugin = {
  name: "model",
  configureServer: ({ middlewares }) => {
    middlewares.use("/chat", (request, response) => {
      const question = new URL(request.url ?? "", "http://localhost").searchParams.get("question") ?? "";
      void chat(question, response);
    });
  },
};

// Vite compiles the page; and passes the gateway's routes on, so that page and gateway have one address.
const server = await createServer({
  configFile: false,
  root: import.meta.dirname,
  logLevel: "warn",
  plugins: [model],
  server: { host: "127.0.0.1", port: Number(PORT), hmr: false, proxy: { "/v1": { target: MYNAH_URL, ws: true } } },
});
await server.listen();
console.log(server.resolvedUrls?.local[0]);
