/** WebSocket frames of a server (RFC 6455): unmasked, and short enough to be held whole where somebody wants to read them. */
export type Frame = { readonly opcode: number; readonly payload: Buffer };

const MAX_PAYLOAD_BYTES = 16 * 1024 * 1024;
const NOTHING = Buffer.alloc(0);

export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  #held: Buffer = NOTHING;

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  /** Throws a RangeError for a frame that is too large. */
  read(data: Buffer): void {
    let rest = this.#held.length === 0 ? data : Buffer.concat([this.#held, data]);
    for (;;) {
      const size = sizeOf(rest);
      if (size === undefined || rest.length < size.head + size.payload) break;
      const end = size.head + size.payload;
      this.#onFrame({
        opcode: rest[0]! & 0x0f,
        payload: rest.subarray(size.head, end),
      });
      rest = rest.subarray(end);
    }
    this.#held = rest;
  }
}

function sizeOf(rest: Buffer): { readonly head: number; readonly payload: number } | undefined {
  if (rest.length < 2) return undefined;
  const short = rest[1]! & 0x7f;
  const head = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (rest.length < head) return undefined;
  const payload = short === 126 ? rest.readUInt16BE(2) : short === 127 ? Number(rest.readBigUInt64BE(2)) : short;
  if (payload > MAX_PAYLOAD_BYTES) throw new RangeError("frame_too_large");
  return { head, payload };
}

/** A client's frame, masked with zeroes: valid, and nothing to compute. */
export function clientFrame(opcode: number, payload: Buffer): Buffer {
  const size = payload.length;
  const head =
    size < 126
      ? Buffer.from([0x80 | opcode, 0x80 | size])
      : size < 65_536
        ? Buffer.from([0x80 | opcode, 0xfe, size >> 8, size & 255])
        : Buffer.concat([Buffer.from([0x80 | opcode, 0xff]), uint64(size)]);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
