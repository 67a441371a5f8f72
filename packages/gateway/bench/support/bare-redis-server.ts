/** node:http that answers each request with one GET from Redis: the most that a Node server on this client can be. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Redis } from "ioredis";
import { serveAsChild } from "./child.ts";

const redis = new Redis(process.env.BENCH_REDIS!);
const key = process.env.BENCH_KEY!;
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", async () => {
    JSON.parse(Buffer.concat(chunks).toString());
    const body = await redis.getBuffer(key);
    response.writeHead(200, { "content-type": "audio/mpeg", "content-length": body!.length });
    response.end(body);
  });
});
server.listen(0, "127.0.0.1", () => serveAsChild((server.address() as AddressInfo).port));
