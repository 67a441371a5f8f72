import { createRequire } from "node:module";

type Vendor = typeof import("ioredis");

const require = createRequire(import.meta.url);

/**
 * The client's module, loaded when a connection is first wanted: it is the largest of our modules, and a gateway without
 * Redis has no use for it. Node keeps what `require` has loaded.
 */
export function vendor(): Vendor {
  return require("ioredis") as Vendor;
}
