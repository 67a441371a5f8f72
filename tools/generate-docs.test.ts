import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("the pages of docs/ that come from the code are what the code says", () => {
  const tool = fileURLToPath(new URL("generate-docs.ts", import.meta.url));
  const { stderr, status } = spawnSync(process.execPath, [tool, "--check"], { encoding: "utf8" });
  expect({ stderr: stderr.split("\n").filter((line) => line.includes("npm run docs")), status }).toEqual({
    stderr: [],
    status: 0,
  });
});
