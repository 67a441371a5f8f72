/** node:http whose first byte comes after BENCH_WAIT_MS: what a client would see of an engine without a gateway. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { serveAsChild } from "./child.ts";

const waitMs = Number(process.env.BENCH_WAIT_MS);
const server = createServer((request, response) => {
  request.resume().on("end", () => {
    setTimeout(() => response.writeHead(200, { "content-type": "audio/pcm" }).end(Buffer.alloc(4_800, 1)), waitMs);
  });
});
server.listen(0, "127.0.0.1", () => serveAsChild((server.address() as AddressInfo).port));
