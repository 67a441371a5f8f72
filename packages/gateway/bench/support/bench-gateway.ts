/** The gateway around a scripted engine, in a process of its own. BENCH_ENGINE is the script as JSON; without it the embedded engine speaks. BENCH_LOG is a level: then it logs to stdout as `mynah serve` does. */
import { createGateway } from "../../src/app.ts";
import type { ConfigInput } from "../../src/config/config.ts";
import { openLogger } from "../../src/observe/logger.ts";
import { standInEngine } from "../../test/support/stand-in-engine.ts";
import { serveAsChild } from "./child.ts";

const script = process.env.BENCH_ENGINE;
const config = JSON.parse(process.env.BENCH_CONFIG ?? "{}") as ConfigInput;
const level = process.env.BENCH_LOG;
const gateway = await createGateway(
  { rateLimitPerMinute: 0, rateLimitPerHour: 0, ...config },
  {
    ...(script !== undefined && { engines: [standInEngine(JSON.parse(script))] }),
    ...(level !== undefined && { logger: openLogger(level, process.stdout).logger }),
  },
);
const { port } = await gateway.listen({ port: config.port ?? 0 });
serveAsChild(port);
