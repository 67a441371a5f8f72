import { describe, expect, it } from "vitest";
import { table, tablesIn } from "./report.ts";

describe("tablesIn()", () => {
  it("finds what table() has printed among other lines", () => {
    const text = `a title\n\n${table(
      ["", "MiB"],
      [
        ["start", 1],
        ["a b", ""],
      ],
    )}\nmore\n\n${table(["x"], [])}`;
    expect(tablesIn(text)).toEqual([
      {
        columns: ["", "MiB"],
        rows: [
          ["start", "1"],
          ["a b", ""],
        ],
      },
      { columns: ["x"], rows: [] },
    ]);
  });
});
