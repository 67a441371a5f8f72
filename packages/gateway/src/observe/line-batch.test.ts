import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LineBatch } from "./line-batch.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function rig() {
  const writes: string[] = [];
  return { writes, lines: new LineBatch({ write: (bytes) => writes.push(Buffer.from(bytes).toString()) }) };
}

it("writes lines together, in order, and a tenth of a second later at most", () => {
  const { writes, lines } = rig();
  lines.write("a\n");
  vi.advanceTimersByTime(60);
  lines.write("b\n");
  expect(writes).toEqual([]);
  vi.advanceTimersByTime(40);
  expect(writes).toEqual(["a\nb\n"]);
  lines.write("c\n");
  vi.advanceTimersByTime(100);
  expect(writes).toEqual(["a\nb\n", "c\n"]);
  expect(vi.getTimerCount()).toBe(0);
});

it("makes late lines when they are written, in their order, and not too many at once", () => {
  const { writes, lines } = rig();
  let made = 0;
  const late = (line: string) => () => {
    made++;
    return line;
  };
  lines.writeLater(late("a\n"));
  expect(made).toBe(0);
  lines.write("b\n");
  lines.writeLater(late("c\n"));
  vi.advanceTimersByTime(100);
  expect(writes).toEqual(["a\nb\nc\n"]);
  for (let n = 0; n < 65; n++) lines.writeLater(late("d\n"));
  expect(made).toBe(2 + 64);
  lines.flush();
  expect(writes[1]).toBe("d\n".repeat(65));
  expect(vi.getTimerCount()).toBe(0);
});

it("flush() writes at once, and nothing when nothing is held", () => {
  const { writes, lines } = rig();
  lines.write("a\n");
  lines.flush();
  lines.flush();
  expect(writes).toEqual(["a\n"]);
  expect(vi.getTimerCount()).toBe(0);
});

it("holds no more than its bound, and writes every byte in order", () => {
  const { writes, lines } = rig();
  const sent = Array.from({ length: 500 }, (_, n) => `${n} ${"é🎉x".repeat(n % 300)}\n`);
  sent.push(`${"long".repeat(20_000)}\n`, "last\n");
  for (const line of sent) lines.write(line);
  expect(writes.length).toBeGreaterThan(10);
  lines.flush();
  expect(writes.join("")).toBe(sent.join(""));
});

it("does not touch again what it has handed out", () => {
  const handed: Uint8Array[] = [];
  const lines = new LineBatch({ write: (bytes) => handed.push(bytes) });
  lines.write("one\n");
  lines.flush();
  lines.write("two\n");
  lines.flush();
  expect(handed.map((bytes) => Buffer.from(bytes).toString())).toEqual(["one\n", "two\n"]);
});
