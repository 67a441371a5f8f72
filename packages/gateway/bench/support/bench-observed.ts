/** The gateway around a scripted engine, whose metrics and log lines are turned on and off while it runs. Logs to stdout as `mynah serve` does. */
import { createGateway } from "../../src/app.ts";
import { EventBus } from "../../src/core/events.ts";
import { WINDOW_NAMES } from "../../src/limits/plans.ts";
import { exposition } from "../../src/observe/exposition.ts";
import { logEvents } from "../../src/observe/log.ts";
import { openLogger } from "../../src/observe/logger.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { standInEngine } from "../../test/support/stand-in-engine.ts";
import { serveAsChild } from "./child.ts";

export type Observed = { readonly metrics: boolean; readonly logs: boolean };

const gateway = await createGateway(
  { rateLimitPerMinute: 0, rateLimitPerHour: 0, metricsEnabled: false },
  { engines: [standInEngine()] },
);
const { events, clock, stats, engineStates, parts } = gateway.speech;

// Both listen all the time, each to a bus of its own that hears the gateway's events or does not. Made anew for each round,
// they would run code that the compiler has not seen yet.
let on: Observed = { metrics: true, logs: true };
const metricsBus = new EventBus();
const logBus = new EventBus();
const HEARD_ON_A_HIT = ["speech.started", "segment.delivered", "speech.delivered"] as const;
for (const name of HEARD_ON_A_HIT)
  events.on(name, (event) => {
    if (on.metrics) metricsBus.emit(name, event);
    if (on.logs) logBus.emit(name, event);
  });
logEvents(logBus, openLogger("info", process.stdout).logger);
const metrics = new Metrics({
  events: metricsBus,
  clock,
  configured: { engines: engineStates.stats.map(({ name }) => name), windows: WINDOW_NAMES, version: [] },
  stateNow: () => ({
    ...stats(),
    version: "",
    engines: engineStates.stats,
    parts: parts(),
    sockets: { open: 0, utterances: 0 },
  }),
});

process.on("message", (message: Observed | "usage" | "scrape") => {
  if (message === "usage") return; // answered by serveAsChild
  if (message === "scrape") {
    process.send?.(exposition(metrics.samples()).length);
    return;
  }
  on = message;
  process.send?.("set");
});
const { port } = await gateway.listen({ port: 0 });
serveAsChild(port);
