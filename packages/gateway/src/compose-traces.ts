import { type Config, ConfigError } from "./config/config.ts";
import type { Clock } from "./core/clock.ts";
import type { EventBus } from "./core/events.ts";
import { VERSION } from "./version.ts";

/** Traces to OTEL_EXPORTER_OTLP_ENDPOINT; undefined: there is none, and nothing of OpenTelemetry is loaded. */
export async function openTraces(
  config: Config,
  { events, clock }: { readonly events: EventBus; readonly clock: Clock },
): Promise<{ close(): Promise<void> } | undefined> {
  if (config.otlpEndpoint === undefined) return undefined;
  const [{ otlpTracer }, { Traces }] = await Promise.all([
    import("./observe/otlp-tracer.ts"),
    import("./observe/traces.ts"),
  ]).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new ConfigError(
      "OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry's packages are not installed; run npm ci without --omit=optional",
    );
  });
  const exporting = otlpTracer({
    endpoint: config.otlpEndpoint,
    headers: headersOf(config.otlpHeaders ?? ""),
    serviceName: config.otelServiceName,
    version: VERSION,
    sampleRatio: config.otelSampleRatio,
  });
  const traces = new Traces({ events, clock, tracer: exporting.tracer });
  return {
    async close() {
      traces.close();
      await exporting.close();
    },
  };
}

/** `name=value,name=value`, values escaped as in URLs. Throws a ConfigError. */
function headersOf(list: string): Record<string, string> {
  const pairs = list.split(",").filter((pair) => pair.trim() !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, value] = /^\s*([\w.-]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
      if (name === undefined || value === undefined)
        throw new ConfigError("OTEL_EXPORTER_OTLP_HEADERS must be name=value, separated by commas");
      return [name, decodeURIComponent(value)];
    }),
  );
}
