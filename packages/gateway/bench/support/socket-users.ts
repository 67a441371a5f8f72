/** Many users on sockets, each a few bytes of memory: frames are read by hand, for a client like `ws` would be what is measured. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export type SocketUser = {
  /** Sends a JSON message; resolves with the ms until its binary frame. */
  ask(message: string): Promise<number>;
  /** Sends without waiting. */
  say(message: string): void;
  /** Called for each frame. */
  onFrame: ((opcode: number) => void) | undefined;
  readonly lost: boolean;
  close(): void;
};

const BINARY = 2;
const OPENING = 64;

/** Opens sockets, some at a time. Rejects if one is refused. */
export async function openUsers(port: number, count: number): Promise<SocketUser[]> {
  const users: SocketUser[] = [];
  while (users.length < count) {
    const some = Math.min(OPENING, count - users.length);
    users.push(...(await Promise.all(Array.from({ length: some }, () => openUser(port)))));
  }
  return users;
}

async function openUser(port: number): Promise<SocketUser> {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  /** Oldest first; an answer is one frame, in the order of the questions. */
  const asked: { readonly at: number; readonly resolve: (ms: number) => void }[] = [];
  const user: SocketUser & { lost: boolean } = {
    onFrame: undefined,
    lost: false,
    say: (message) => void socket.write(masked(message)),
    ask: (message) =>
      new Promise((resolve, reject) => {
        if (user.lost) reject(new Error("lost"));
        else {
          asked.push({ at: performance.now(), resolve });
          user.say(message);
        }
      }),
    close: () => socket.destroy(),
  };
  socket.on("error", () => {});
  socket.on("close", () => {
    user.lost = true;
  });
  await upgraded(socket);
  readFrames(socket, (opcode) => {
    if (opcode === BINARY) {
      const oldest = asked.shift();
      oldest?.resolve(performance.now() - oldest.at);
    }
    user.onFrame?.(opcode);
  });
  return user;
}

function upgraded(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("connect", () =>
      socket.write(
        `GET /v1/speech/ws HTTP/1.1\r\nhost: b\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
      ),
    );
    let head = Buffer.alloc(0);
    const read = (data: Buffer): void => {
      head = Buffer.concat([head, data]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", read);
      if (head.includes("HTTP/1.1 101")) {
        if (end + 4 < head.length) socket.unshift(head.subarray(end + 4));
        resolve();
      } else reject(new Error(head.toString("latin1")));
    };
    socket.on("data", read);
    socket.once("error", reject);
  });
}

/** Tells each frame by its opcode when its head is here; what it holds is passed over. Answers pings. */
function readFrames(socket: Socket, onFrame: (opcode: number) => void): void {
  let skip = 0;
  let held: Buffer | undefined;
  socket.on("data", (data: Buffer) => {
    let rest = held === undefined ? data : Buffer.concat([held, data]);
    held = undefined;
    for (;;) {
      const passed = Math.min(skip, rest.length);
      skip -= passed;
      rest = rest.subarray(passed);
      if (rest.length === 0) return;
      const short = rest.length < 2 ? 0 : rest[1]! & 0x7f;
      const headBytes = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (rest.length < headBytes) {
        held = rest;
        return;
      }
      const opcode = rest[0]! & 0x0f;
      skip = short === 126 ? rest.readUInt16BE(2) : short === 127 ? rest.readUInt32BE(6) : short;
      rest = rest.subarray(headBytes);
      if (opcode === 9) socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]));
      else onFrame(opcode);
    }
  });
}

/** With a mask of zeroes: valid, and nothing to compute. */
function masked(message: string): Buffer {
  const text = Buffer.from(message);
  const head =
    text.length < 126
      ? Buffer.from([0x81, 0x80 | text.length])
      : Buffer.from([0x81, 0xfe, text.length >> 8, text.length & 255]);
  return Buffer.concat([head, Buffer.alloc(4), text]);
}

export type Asked = {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
  readonly unanswered: number;
};

/** Users in turn ask `perSecond` times a second in all, evenly, whether or not earlier ones were answered. */
export async function askInTurn(
  users: readonly SocketUser[],
  message: (n: number) => string,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<Asked> {
  const times: number[] = [];
  let asked = 0;
  const startedAt = performance.now();
  for (let elapsed = 0; elapsed < seconds * 1000; elapsed = performance.now() - startedAt) {
    for (; asked < (elapsed / 1000) * perSecond; asked++)
      users[asked % users.length]!.ask(message(asked)).then(
        (ms) => times.push(ms),
        () => {},
      );
    await sleep(1);
  }
  const elapsedS = (performance.now() - startedAt) / 1000;
  await sleep(1_000);
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99), perSecond: times.length / elapsedS, unanswered: asked - times.length };
}
