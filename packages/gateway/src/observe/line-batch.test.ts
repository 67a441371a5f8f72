import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { LineBatch } from "./line-batch.ts";

it("writes the lines of one turn together, in order, and no later than its end", async () => {
  const writes: string[] = [];
  const lines = new LineBatch({ write: (text) => writes.push(text) });
  lines.write("a\n");
  lines.write("b\n");
  expect(writes).toEqual([]);
  await setImmediate();
  expect(writes).toEqual(["a\nb\n"]);
  lines.write("c\n");
  lines.flush();
  expect(writes).toEqual(["a\nb\n", "c\n"]);
  await setImmediate();
  expect(writes).toHaveLength(2);
});

it("holds no more than its bound", () => {
  const writes: string[] = [];
  const lines = new LineBatch({ write: (text) => writes.push(text) });
  for (let n = 0; n < 200; n++) lines.write(`${"x".repeat(999)}\n`);
  lines.flush();
  expect(writes.length).toBeGreaterThan(2);
  expect(Math.max(...writes.map(({ length }) => length))).toBeLessThanOrEqual(64 * 1024 + 1000);
  expect(writes.join("")).toHaveLength(200_000);
});
