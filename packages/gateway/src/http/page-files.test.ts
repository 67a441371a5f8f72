import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PageFiles } from "./page-files.ts";

function built(): string {
  const directory = mkdtempSync(join(tmpdir(), "mynah-page-"));
  mkdirSync(join(directory, "assets"));
  writeFileSync(join(directory, "index.html"), "<!doctype html>".padEnd(1000));
  writeFileSync(join(directory, "assets", "main.1.js"), "0");
  return directory;
}

describe("PageFiles", () => {
  it("gives what was there at the start, packed where that is smaller, and nothing else of the disk", async () => {
    const directory = built();
    const files = new PageFiles(directory);
    expect([...files.paths()].sort()).toEqual(["/assets/main.1.js", "/index.html"]);
    const index = await files.get("/index.html");
    expect(index).toMatchObject({ type: "text/html; charset=utf-8", etag: expect.stringMatching(/^"[0-9a-f]{16}"$/) });
    expect(index!.gzip!.byteLength).toBeLessThan(index!.body.byteLength);
    expect((await files.get("/assets/main.1.js"))!.gzip).toBeUndefined();
    writeFileSync(join(directory, "later.html"), "");
    for (const path of ["/later.html", "/../index.html", "/assets", "/"]) expect(await files.get(path)).toBeUndefined();
  });

  it("keeps what was read, and has no file that went before it was asked for", async () => {
    const directory = built();
    const files = new PageFiles(directory);
    const index = await files.get("/index.html");
    rmSync(directory, { recursive: true }); // the page is being built anew
    expect(await files.get("/index.html")).toBe(index);
    expect(await files.get("/assets/main.1.js")).toBeUndefined();
    mkdirSync(join(directory, "assets"), { recursive: true });
    writeFileSync(join(directory, "assets", "main.1.js"), "1");
    expect((await files.get("/assets/main.1.js"))!.body.toString()).toBe("1");
  });
});
