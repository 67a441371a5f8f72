/** A stand-in behind a counter of its connections, in a process of its own. BENCH_STAND_IN says whose. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openAiStandIn } from "../../test/support/openai-stand-in.ts";
import { elevenLabsStandIn } from "../../test/support/stand-ins/elevenlabs.ts";
import { serveAsChild } from "./child.ts";

const standIn = await (process.env.BENCH_STAND_IN === "openai" ? openAiStandIn() : elevenLabsStandIn());
/** Its answers as they first came, piece by piece: the cost of making tones is not what is measured. */
const recorded = new Map<
  string,
  { readonly headers: Record<string, string>; readonly pieces: readonly Uint8Array[] }
>();
const seen = { connections: 0, calls: 0 };
const origin = new URL(standIn.url).origin;

const server = createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (request.url === "/bench/connections") {
    response.end(JSON.stringify(seen));
    return;
  }
  seen.calls++;
  const body = Buffer.concat(chunks).toString();
  const key = `${request.url} ${body}`;
  const answer = recorded.get(key) ?? (await record(request.url!, body));
  recorded.set(key, answer);
  response.writeHead(200, answer.headers);
  for (const piece of answer.pieces) response.write(piece);
  response.end();
});
server.on("connection", () => seen.connections++);

async function record(path: string, body: string) {
  const headers = { "content-type": "application/json", "xi-api-key": "k" };
  const answer = await fetch(`${origin}${path}`, { method: "POST", headers, body });
  const pieces: Uint8Array[] = [];
  for await (const piece of answer.body!) pieces.push(piece);
  return { headers: { "content-type": answer.headers.get("content-type")! }, pieces };
}

server.listen(0, "127.0.0.1", () => serveAsChild((server.address() as AddressInfo).port));
