import { readdirSync } from "node:fs";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Clock } from "../core/clock.ts";
import type { Sample } from "./sample.ts";

const LAG_RESOLUTION_MS = 20;
const NS = 1e9;
const US = 1e6;

/** What the process costs, under the names that dashboards of Node processes know. */
export class ProcessSamples {
  readonly #lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  readonly #startedAtSeconds: number;

  constructor({ clock }: { readonly clock: Clock }) {
    this.#startedAtSeconds = clock.now() / 1000 - process.uptime();
    this.#lag.enable();
  }

  close(): void {
    this.#lag.disable();
  }

  *read(): Generator<Sample> {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    yield ["process_cpu_user_seconds_total", user / US];
    yield ["process_cpu_system_seconds_total", system / US];
    yield ["process_start_time_seconds", this.#startedAtSeconds];
    yield ["process_resident_memory_bytes", rss];
    yield ["nodejs_heap_size_used_bytes", heapUsed];
    yield ["nodejs_heap_size_total_bytes", heapTotal];
    yield ["nodejs_external_memory_bytes", external];
    yield ["nodejs_eventloop_utilization", performance.eventLoopUtilization().utilization];
    yield* this.#lagSamples();
    const open = openFiles();
    if (open !== undefined) yield ["process_open_fds", open];
  }

  *#lagSamples(): Generator<Sample> {
    const lag = this.#lag;
    const late = (ns: number): number => (lag.count === 0 ? 0 : Math.max(0, ns / NS - LAG_RESOLUTION_MS / 1000));
    yield ["nodejs_eventloop_lag_p99_seconds", late(lag.percentile(99))];
    yield ["nodejs_eventloop_lag_max_seconds", late(lag.max)];
    lag.reset();
  }
}

function openFiles(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length - 1; // without the one that reads it
  } catch {
    return undefined;
  }
}
