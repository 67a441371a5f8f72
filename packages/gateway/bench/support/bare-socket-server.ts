/** `ws` that answers each message with as many bytes as an answer has: the most that a Node server of sockets can be. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { serveAsChild } from "./child.ts";

const frame = Buffer.alloc(4 + Number(process.env.BENCH_BYTES ?? 0), 7);
const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false });
sockets.on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (data: Buffer) => {
    JSON.parse(data.toString());
    socket.send(frame);
  });
});
server.listen(0, "127.0.0.1", () => serveAsChild((server.address() as AddressInfo).port));
