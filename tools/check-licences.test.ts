import { describe, expect, it } from "vitest";
import { isAllowed, licencesOf } from "./check-licences.ts";

describe("isAllowed()", () => {
  it.each(["MIT", "MIT OR GPL-3.0-only", "(GPL-2.0 OR (MIT AND ISC))", "Apache-2.0 AND BSD-3-Clause"])(
    "takes %s",
    (licence) => {
      expect(isAllowed(licence)).toBe(true);
    },
  );
  it.each([
    ...["GPL-3.0-only", "AGPL-3.0-or-later", "MIT AND GPL-2.0", "MIT WITH something", "(MIT", "MIT)", "", "UNLICENSED"],
    ...["SEE LICENSE IN LICENSE", "MIT AND", undefined],
  ])("refuses %s", (licence) => {
    expect(isAllowed(licence)).toBe(false);
  });
});

describe("licencesOf()", () => {
  it("names what comes with the gateway, optional packages too, and nothing that only builders need", () => {
    const packages = {
      "": { license: "MIT" },
      "packages/gateway": { license: "MIT" },
      "node_modules/mynah": { link: true },
      "node_modules/a": { version: "1.0.0", license: "ISC" },
      "node_modules/a/node_modules/@scope/b": { version: "2.0.0", devOptional: true },
      "node_modules/tool": { version: "3.0.0", license: "GPL-3.0", dev: true },
    };
    expect(licencesOf({ packages }, (path) => (path.endsWith("@scope/b") ? "AGPL-3.0" : undefined))).toEqual([
      { name: "@scope/b", version: "2.0.0", licence: "AGPL-3.0" },
      { name: "a", version: "1.0.0", licence: "ISC" },
    ]);
  });
});
