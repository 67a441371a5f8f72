import { type Access, isLoopback } from "./access.ts";
import type { SpeechSystem } from "./compose.ts";
import type { MetricsRouteDeps } from "./http/metrics-route.ts";
import { MetricsAccess } from "./identity/metrics-access.ts";
import { WINDOW_NAMES } from "./limits/plans.ts";
import { EXPOSITION_TYPE, exposition } from "./observe/exposition.ts";
import { mergeSamples } from "./observe/merge-samples.ts";
import { Metrics } from "./observe/metrics.ts";
import type { Sample } from "./observe/sample.ts";
import type { StateNow } from "./observe/state-samples.ts";
import { VERSION } from "./version.ts";
import type { Siblings } from "./workers/siblings.ts";

export type MetricsContext = {
  readonly speech: SpeechSystem;
  readonly access: Access;
  readonly sockets: { readonly counts: StateNow["sockets"] };
  /** Undefined: it is not spoken. */
  readonly wyoming: { readonly counts: StateNow["sockets"] } | undefined;
  readonly parts: () => StateNow["parts"];
  /** The other processes of this server. */
  readonly siblings: Siblings;
  /** The address that is listened on. */
  readonly host: () => string;
};

/** Metrics, and who may read them; undefined: METRICS_ENABLED=false. */
export function openMetrics(context: MetricsContext): (MetricsRouteDeps & { close(): void }) | undefined {
  const { speech, access, sockets, wyoming, parts, host } = context;
  const { config, events, clock } = speech;
  if (!config.metricsEnabled) return undefined;
  const { siblings } = context;
  const metrics = new Metrics({
    events,
    clock,
    configured: {
      engines: speech.engineStates.stats.map(({ name }) => name),
      windows: WINDOW_NAMES,
      version: [],
    },
    stateNow: () => ({
      ...speech.stats(),
      version: VERSION,
      engines: speech.engineStates.stats,
      parts: parts(),
      sockets: sockets.counts,
      ...(wyoming && { wyoming: wyoming.counts }),
    }),
  });
  siblings.answer("metrics", () => [...metrics.samples()]);
  const { authenticator } = access;
  const scrapers = new MetricsAccess({
    authenticator,
    metricsKey: config.metricsKey,
    isLocal: () => isLoopback(host()),
  });
  return {
    metrics: { contentType: EXPOSITION_TYPE, text: () => textOfAll(metrics, siblings) },
    check: (credential, options) => scrapers.check(credential, options),
    close: () => metrics.close(),
  };
}

async function textOfAll(metrics: Metrics, siblings: Siblings): Promise<string> {
  const others = (await siblings.others("metrics")) as Sample[][];
  return exposition(others.length === 0 ? metrics.samples() : mergeSamples([metrics.samples(), ...others]));
}
