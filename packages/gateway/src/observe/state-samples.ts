import type { Sample } from "./sample.ts";

type EngineLoad = { readonly name: string; readonly inFlight: number; readonly queued: number };

/** What this server is like now; read when somebody scrapes. */
export type StateNow = {
  readonly version: string;
  readonly memory: { readonly bytes: number; readonly maxBytes: number; readonly entries: number };
  readonly sockets: { readonly open: number; readonly utterances: number };
  /** Absent: it is not spoken. */
  readonly wyoming?: { readonly open: number; readonly utterances: number };
  readonly syntheses: { readonly running: number };
  readonly engines: readonly EngineLoad[];
  readonly parts: Readonly<Record<string, { readonly status: string }>>;
  readonly redis?: {
    readonly audio: string;
    readonly state: string;
    readonly bytes?: number | undefined;
    readonly keys?: number | undefined;
  };
};

/** Every gauge of ours. */
export function* stateSamples(now: StateNow): Generator<Sample> {
  const { memory, sockets, redis } = now;
  yield ["mynah_build_info", 1, { version: now.version, node: process.versions.node }];
  yield ["mynah_cache_memory_bytes", memory.bytes];
  yield ["mynah_cache_memory_max_bytes", memory.maxBytes];
  yield ["mynah_cache_memory_entries", memory.entries];
  yield ["mynah_sockets", sockets.open];
  yield ["mynah_socket_utterances", sockets.utterances];
  yield ["mynah_wyoming_clients", now.wyoming?.open ?? 0];
  yield ["mynah_wyoming_utterances", now.wyoming?.utterances ?? 0];
  yield ["mynah_flights", now.syntheses.running];
  for (const { name: engine, inFlight, queued } of now.engines) {
    yield ["mynah_engine_running", inFlight, { engine }];
    yield ["mynah_engine_queued", queued, { engine }];
  }
  for (const [part, { status }] of Object.entries(now.parts)) {
    yield ["mynah_part_degraded", Number(status === "degraded"), { part }];
  }
  if (redis === undefined) return;
  yield ["mynah_redis_up", Number(redis.audio === "up"), { role: "audio" }];
  yield ["mynah_redis_up", Number(redis.state === "up"), { role: "state" }];
  if (redis.bytes !== undefined) yield ["mynah_redis_bytes", redis.bytes];
  if (redis.keys !== undefined) yield ["mynah_redis_keys", redis.keys];
}
