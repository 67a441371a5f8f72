import { describe, expect, it } from "vitest";
import { checkPackages } from "./check-packages.ts";
import { clientSizes, MAX_CLIENT_BYTES } from "./client-size.ts";

describe("the published packages", () => {
  it("are small: the whole SDK with playback keeps its promise", async () => {
    const sizes = await clientSizes();
    expect(sizes["both, together"].gzipBytes).toBeLessThan(MAX_CLIENT_BYTES);
    // What is not used costs nothing, or the bound says little about a page that only asks over HTTP.
    expect(sizes["HTTP only"].gzipBytes).toBeLessThan(sizes["@mynah/client"].gzipBytes / 2);
    expect(sizes["HTTP only"].gzipBytes).toBeGreaterThan(1_000);
  });

  it("please publint, attw and a stranger's program", { timeout: 120_000 }, async () => {
    expect(await checkPackages()).toEqual([]);
  });
});
