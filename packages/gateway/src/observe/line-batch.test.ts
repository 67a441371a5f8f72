import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { LineBatch } from "./line-batch.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function rig() {
  const writes: string[] = [];
  return { writes, lines: new LineBatch({ write: (text) => writes.push(text) }) };
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

it("flush() writes at once, and nothing when nothing is held", () => {
  const { writes, lines } = rig();
  lines.write("a\n");
  lines.flush();
  lines.flush();
  expect(writes).toEqual(["a\n"]);
  expect(vi.getTimerCount()).toBe(0);
});

it("holds no more than its bound", () => {
  const { writes, lines } = rig();
  for (let n = 0; n < 200; n++) lines.write(`${"x".repeat(999)}\n`);
  lines.flush();
  expect(Math.max(...writes.map(({ length }) => length))).toBeLessThan(16 * 1024 + 1000);
  expect(writes.join("")).toHaveLength(200_000);
});
