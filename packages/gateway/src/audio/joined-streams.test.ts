import { expect, it } from "vitest";
import { JoinedStreams } from "./joined-streams.ts";

const parts = (...sizes: number[]) => sizes.map((size) => new Uint8Array(size));

/** Joins, and tells how often it had to. */
function rig() {
  const streams = new JoinedStreams();
  let joins = 0;
  const join = (all: readonly Uint8Array[], bytes = 10) =>
    streams.of(all, () => {
      joins++;
      return new Uint8Array(bytes);
    });
  return { join, joins: () => joins };
}

it("joins the same arrays twice, and then knows the stream", () => {
  const { join, joins } = rig();
  const all = parts(1, 2, 3);
  join(all);
  const second = join(all);
  expect(join([...all])).toBe(second);
  expect(joins()).toBe(2); // the first time nobody knew whether there would be another
});

it("takes no other arrays for them: neither others as long, nor fewer, nor in another order", () => {
  const { join } = rig();
  const all = parts(1, 1, 1);
  const [a, b, c] = all as [Uint8Array, Uint8Array, Uint8Array];
  join(all);
  const known = join(all);
  for (const others of [[a, b], [b, a, c], [a, b, c, a], parts(1, 1, 1)]) {
    join(others);
    expect(join(others)).not.toBe(known);
  }
  expect(join(all)).toBe(known);
});

it("keeps no stream that is large, and not all of many", () => {
  const { join, joins } = rig();
  const long = parts(1, 1);
  for (let time = 0; time < 3; time++) join(long, (1 << 20) + 1);
  expect(joins()).toBe(3);
  const first = parts(1, 1);
  for (let time = 0; time < 3; time++) join(first, 1 << 20);
  expect(joins()).toBe(5);
  for (let n = 0; n < 8; n++) {
    const other = parts(1, 1);
    for (let time = 0; time < 2; time++) join(other, 1 << 20);
  }
  const before = joins();
  join(first, 1 << 20);
  expect(joins()).toBe(before + 1);
});
