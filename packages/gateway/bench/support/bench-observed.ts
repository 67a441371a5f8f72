/** The gateway around a scripted engine, whose metrics and log lines are turned on and off while it runs. Logs to stdout as `mynah serve` does. */
import { createGateway } from "../../src/app.ts";
import { WINDOW_NAMES } from "../../src/limits/plans.ts";
import { openLogger } from "../../src/observe/logger.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { standInEngine } from "../../test/support/stand-in-engine.ts";
import { serveAsChild } from "./child.ts";

export type Observed = { readonly metrics: boolean; readonly logs: boolean };

const { logger } = openLogger("silent", process.stdout);
const gateway = await createGateway(
  { rateLimitPerMinute: 0, rateLimitPerHour: 0, metricsEnabled: false },
  { engines: [standInEngine()], logger },
);
const { events, clock, stats, engineStates, parts } = gateway.speech;
let metrics: Metrics | undefined;

process.on("message", (message: Observed | "usage" | "scrape") => {
  if (message === "usage") return; // answered by serveAsChild
  if (message === "scrape") {
    void metrics?.text().then((text) => process.send?.(text.length));
    return;
  }
  logger.level = message.logs ? "info" : "silent";
  metrics?.close();
  metrics = message.metrics ? openMetrics() : undefined;
  process.send?.("set");
});
const { port } = await gateway.listen({ port: 0 });
serveAsChild(port);

function openMetrics(): Metrics {
  const sockets = { open: 0, utterances: 0 };
  const stateNow = () => ({ ...stats(), version: "", engines: engineStates.stats, parts: parts(), sockets });
  const configured = { engines: engineStates.stats.map(({ name }) => name), windows: WINDOW_NAMES, version: [] };
  return new Metrics({ events, clock, configured, stateNow });
}
