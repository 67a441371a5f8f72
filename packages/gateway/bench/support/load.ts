/** A closed-loop load generator on bare sockets: cheap enough not to be what is measured. */
import { connect } from "node:net";

export type LoadOptions = {
  readonly port: number;
  readonly path: string;
  readonly body?: string;
  readonly connections: number;
  readonly seconds: number;
  /** Every answer's body must be this. */
  readonly expected: Buffer;
};

export type LoadResult = {
  readonly requests: number;
  readonly errors: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
};

export async function load(options: LoadOptions): Promise<LoadResult> {
  const latencies: number[] = [];
  let errors = 0;
  const startedAt = performance.now();
  const until = startedAt + options.seconds * 1000;
  const request = requestBytes(options);
  await Promise.all(
    Array.from({ length: options.connections }, () =>
      keepAsking(options, request, until, (ms) => latencies.push(ms)).catch(() => {
        errors++;
      }),
    ),
  );
  const elapsed = (performance.now() - startedAt) / 1000;
  latencies.sort((a, b) => a - b);
  const at = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN;
  return { requests: latencies.length, errors, perSecond: latencies.length / elapsed, p50Ms: at(0.5), p99Ms: at(0.99) };
}

function requestBytes({ path, body }: LoadOptions): Buffer {
  if (body === undefined) return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: bench\r\n\r\n`);
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function keepAsking(
  { port, expected }: LoadOptions,
  request: Buffer,
  until: number,
  done: (ms: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.setNoDelay(true);
    let buffered: Buffer = Buffer.alloc(0);
    let askedAt = 0;
    const ask = (): void => {
      if (performance.now() >= until) {
        socket.destroy();
        resolve();
        return;
      }
      buffered = Buffer.alloc(0);
      askedAt = performance.now();
      socket.write(request);
    };
    socket.on("connect", ask);
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
      const head = buffered.indexOf("\r\n\r\n");
      if (head < 0 || buffered.length < head + 4 + expected.length) return;
      if (!buffered.subarray(head + 4).equals(expected) || buffered[9] !== 0x32) {
        socket.destroy();
        reject(new Error(`wrong answer: ${buffered.subarray(0, 200).toString("latin1")}`));
        return;
      }
      done(performance.now() - askedAt);
      ask();
    });
  });
}
