/** node:http answering the bytes it is given: the most that a Node server can be. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { serveAsChild } from "./child.ts";

const body = Buffer.alloc(Number(process.env.BENCH_BYTES), 7);
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    JSON.parse(Buffer.concat(chunks).toString());
    response.writeHead(200, { "content-type": "audio/mpeg", "content-length": body.length });
    response.end(body);
  });
});
server.listen(0, "127.0.0.1", () => serveAsChild((server.address() as AddressInfo).port));
