import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** What happens to bytes on their way. All may be changed while connections stand. */
export type Faults = {
  /** Later by this much, each way. */
  delayMs: number;
  /**
   * Accepted and never passed on. What was lost stays lost: after healing, both ends of a standing connection are out
   * of step.
   */
  blackHole: boolean;
  /** The connection is reset after this many bytes of answers, counted from now. */
  resetAfterBytes: number | undefined;
  /** Answers come no faster than this. */
  bytesPerSecond: number | undefined;
};

export type FaultProxy = {
  readonly port: number;
  /** Changes what is named, and leaves the rest. */
  set(faults: Partial<Faults>): void;
  /** No faults any more. */
  heal(): void;
  close(): Promise<void>;
};

const NONE: Faults = { delayMs: 0, blackHole: false, resetAfterBytes: undefined, bytesPerSecond: undefined };
const THROTTLED_PIECE_BYTES = 4096;

/** A TCP proxy in front of a server on this machine that can be told to misbehave. */
export async function startFaultProxy({ targetPort }: { targetPort: number }): Promise<FaultProxy> {
  const faults: Faults = { ...NONE };
  const sockets = new Set<Socket>();
  const track = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  };

  /** In order, one chunk after the other, so a slow chunk holds up the next one like a slow cable would. */
  const pump = async (from: Socket, to: Socket, isAnswer: boolean): Promise<void> => {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      if (faults.delayMs > 0) await sleep(faults.delayMs);
      for (const piece of piecesOf(chunk, isAnswer ? faults.bytesPerSecond : undefined)) {
        if (faults.blackHole) break;
        if (isAnswer && faults.resetAfterBytes !== undefined) {
          to.write(piece.subarray(0, faults.resetAfterBytes));
          faults.resetAfterBytes -= piece.byteLength;
          if (faults.resetAfterBytes <= 0) {
            await sleep(5); // lets what was written leave before the reset
            from.destroy();
            to.resetAndDestroy();
            return;
          }
        } else if (!to.write(piece)) await once(to, "drain").catch(() => {});
        if (isAnswer && faults.bytesPerSecond) await sleep((piece.byteLength / faults.bytesPerSecond) * 1000);
      }
    }
  };

  const server = createServer((client) => {
    const upstream = createConnection({ port: targetPort, host: "127.0.0.1", noDelay: true });
    track(client.setNoDelay()).once("close", () => upstream.destroy());
    track(upstream).once("close", () => client.destroy());
    pump(client, upstream, false).catch(() => {});
    pump(upstream, client, true).catch(() => {});
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    set: (change) => void Object.assign(faults, change),
    heal: () => void Object.assign(faults, NONE),
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function piecesOf(chunk: Buffer, bytesPerSecond: number | undefined): Buffer[] {
  if (!bytesPerSecond) return [chunk];
  const count = Math.ceil(chunk.byteLength / THROTTLED_PIECE_BYTES);
  return Array.from({ length: count }, (_, index) => {
    const start = index * THROTTLED_PIECE_BYTES;
    return chunk.subarray(start, start + THROTTLED_PIECE_BYTES);
  });
}
