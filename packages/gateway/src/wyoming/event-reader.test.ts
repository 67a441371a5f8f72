import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventReader } from "./event-reader.ts";
import { encodeEvent, type WyomingEvent } from "./events.ts";

const BOUNDS = { maxEventBytes: 4096, maxPayloadBytes: 64 };
const data = fc.dictionary(fc.string({ unit: "grapheme", maxLength: 8 }), fc.jsonValue({ maxDepth: 1 }), {
  maxKeys: 4,
});

/** An event in one of the forms that are written: data behind the line, within it, in both places, or none. */
const written = fc
  .record({
    type: fc.string({ minLength: 1 }),
    line: data,
    block: fc.option(data),
    payload: fc.option(fc.uint8Array({ maxLength: 64 })),
  })
  .map(({ type, line, block, payload }): { bytes: Buffer; event: WyomingEvent } => {
    const behind = block === null ? Buffer.alloc(0) : Buffer.from(JSON.stringify(block));
    const header = {
      type,
      ...(Object.keys(line).length > 0 && { data: line }),
      ...(block !== null && { data_length: behind.length }),
      ...(payload !== null && { payload_length: payload.length }),
    };
    const bytes = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), behind, payload ?? Buffer.alloc(0)]);
    return { bytes, event: { type, data: { ...line, ...block } } };
  });

describe("EventReader", () => {
  it("reads the same events however their bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(written, { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (all, cuts) => {
          const bytes = Buffer.concat(all.map((one) => one.bytes));
          const reader = new EventReader(BOUNDS);
          const read: WyomingEvent[] = [];
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const size = cuts[turn % cuts.length]!;
            read.push(...reader.read(bytes.subarray(at, at + size)));
            at += size;
          }
          expect(JSON.stringify(read)).toEqual(JSON.stringify(all.map(({ event }) => event)));
        },
      ),
    );
  });

  it("reads what encodeEvent() writes, payloads passed over", () => {
    const bytes = Buffer.concat([
      encodeEvent("audio-chunk", { rate: 24_000 }, new Uint8Array(64)),
      encodeEvent("audio-stop"),
    ]);
    expect([...new EventReader(BOUNDS).read(bytes)]).toEqual([
      { type: "audio-chunk", data: { rate: 24_000 } },
      { type: "audio-stop", data: {} },
    ]);
  });

  it("holds no more than one event's bound", () => {
    const reader = new EventReader(BOUNDS);
    expect(() => {
      for (let count = 0; count < 100; count++) Array.from(reader.read(Buffer.alloc(100, "x")));
    }).toThrow("4096 bytes at most");
  });
});
