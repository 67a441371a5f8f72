import { AUDIO_FORMAT_NAMES } from "../core/audio-format.ts";
import { ERROR_CODES } from "../core/errors.ts";

const OUTCOMES = ["hit", "miss", "coalesced", "stale"] as const;
const CODES = Object.keys(ERROR_CODES);

/** The values that a label may have: these, or what the configuration names. Any other one is told as `other`. */
export type LabelValues = readonly string[] | "engines" | "windows" | "version";

export type MetricSpec = {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels?: Readonly<Record<string, LabelValues>>;
  /** A series appears when it first happens. Without it all of them are there from the start, at zero. */
  readonly sparse?: true;
  /** What the values of several processes of one server are together. Default: their sum. */
  readonly together?: "min" | "max";
};

/** Steps of about 1.6 from 1 ms to 10 s, with our promises among them: 50 ms for a hit, 800 ms for any. */
export const SECONDS_BUCKETS: readonly number[] = [
  0.001, 0.002, 0.003, 0.005, 0.008, 0.012, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 0.8, 1.2, 2, 3, 5, 10,
];

/** Every metric. docs/metrics.md is generated from this table; there is nothing at /metrics that is not in it. */
export const METRICS = {
  mynah_requests_total: {
    type: "counter",
    help: "Requests for speech by how they ended. miss: an engine was asked for some of it; coalesced: nothing was made for it alone; refused: by a limit; failed: see mynah_request_failures_total.",
    labels: { outcome: [...OUTCOMES, "refused", "failed"] },
  },
  mynah_request_failures_total: {
    type: "counter",
    help: "Requests for speech that failed, before or after their first audio. caller_gone: the caller left.",
    labels: { code: CODES },
    sparse: true,
  },
  mynah_error_answers_total: {
    type: "counter",
    help: "Errors that HTTP requests and sockets to be opened were answered with, on all routes; wrong keys and bad requests are only here.",
    labels: { code: CODES },
    sparse: true,
  },
  mynah_refusals_total: {
    type: "counter",
    help: "Requests refused by a limit, by its window.",
    labels: { window: "windows" },
  },
  mynah_first_audio_seconds: {
    type: "histogram",
    help: "Time to the first audio of an answer, by how its first segment was come by. On a socket from when there was text.",
    labels: { outcome: OUTCOMES },
  },
  mynah_answers_total: {
    type: "counter",
    help: "Answers delivered to their end, by the engine of their first segment and by format.",
    labels: { engine: "engines", format: AUDIO_FORMAT_NAMES },
  },
  mynah_answer_bytes_total: {
    type: "counter",
    help: "Bytes of audio in these answers.",
    labels: { engine: "engines", format: AUDIO_FORMAT_NAMES },
  },
  mynah_segments_total: {
    type: "counter",
    help: "Segments (sentences) by engine and by how they were come by.",
    labels: { engine: "engines", outcome: OUTCOMES },
  },
  mynah_segments_transcoded_total: {
    type: "counter",
    help: "Segments made from another format that was stored, instead of by an engine.",
    labels: { from: AUDIO_FORMAT_NAMES, to: AUDIO_FORMAT_NAMES },
    sparse: true,
  },
  mynah_saved_characters_total: {
    type: "counter",
    help: "Characters that an engine was not asked for again.",
    labels: { engine: "engines" },
  },
  mynah_saved_bytes_total: {
    type: "counter",
    help: "Bytes of stored audio that were handed out.",
    labels: { engine: "engines" },
  },
  mynah_saved_audio_seconds_total: {
    type: "counter",
    help: "Seconds of stored audio that were handed out.",
    labels: { engine: "engines" },
  },
  mynah_syntheses_total: {
    type: "counter",
    help: "Calls of engines; what costs money.",
    labels: { engine: "engines" },
  },
  mynah_spent_characters_total: {
    type: "counter",
    help: "Characters that engines were asked for.",
    labels: { engine: "engines" },
  },
  mynah_engine_failures_total: {
    type: "counter",
    help: "Calls of engines that failed. A call that we broke off is none.",
    labels: { engine: "engines", code: CODES },
    sparse: true,
  },
  mynah_engine_first_audio_seconds: {
    type: "histogram",
    help: "Time from calling an engine to its first audio that can be heard; calls that ended well.",
    labels: { engine: "engines" },
  },
  mynah_synthesis_seconds: {
    type: "histogram",
    help: "Time from calling an engine to the end of its audio; calls that ended well.",
    labels: { engine: "engines" },
  },
  mynah_synthesized_bytes_total: {
    type: "counter",
    help: "Bytes of audio from engines, in their own formats.",
    labels: { engine: "engines" },
  },
  mynah_flights_total: {
    type: "counter",
    help: "Syntheses shared between servers, by our part in them. alone: Redis could not be asked.",
    labels: { engine: "engines", role: ["leader", "follower", "alone"] },
  },
  mynah_flight_takeovers_total: {
    type: "counter",
    help: "Syntheses that went on here because the server that made them was gone.",
    labels: { engine: "engines" },
  },
  mynah_store_writes_total: {
    type: "counter",
    help: "Segments stored.",
    labels: { engine: "engines" },
  },
  mynah_store_written_bytes_total: {
    type: "counter",
    help: "Bytes of audio stored.",
    labels: { engine: "engines" },
  },
  mynah_store_failures_total: {
    type: "counter",
    help: "Operations of the audio store that failed; requests go on without it.",
    labels: { op: ["get", "set", "has", "delete", "clear", "renew"] },
  },
  mynah_store_skipped_total: {
    type: "counter",
    help: "Audio that was finished and not stored. rejected: it was silent or broken; failed: the store was.",
    labels: { reason: ["rejected", "failed"] },
  },
  mynah_cache_memory_bytes: { type: "gauge", help: "Bytes of audio stored in this process." },
  mynah_cache_memory_max_bytes: { type: "gauge", help: "CACHE_MEMORY_MAX_BYTES." },
  mynah_cache_memory_entries: { type: "gauge", help: "Segments stored in this process." },
  mynah_sockets: { type: "gauge", help: "WebSockets that are open." },
  mynah_socket_utterances: { type: "gauge", help: "Utterances that run on WebSockets." },
  mynah_wyoming_clients: { type: "gauge", help: "Connections of Wyoming clients that are open." },
  mynah_wyoming_utterances: { type: "gauge", help: "Answers that run or wait on them." },
  mynah_flights: { type: "gauge", help: "Streams of audio being made, each with any number of readers." },
  mynah_engine_running: {
    type: "gauge",
    help: "Calls of an engine that run now.",
    labels: { engine: "engines" },
  },
  mynah_engine_queued: {
    type: "gauge",
    help: "Calls that wait for their turn at an engine.",
    labels: { engine: "engines" },
  },
  mynah_redis_up: {
    together: "min",
    type: "gauge",
    help: "1: this server uses Redis in this role. Absent without Redis.",
    labels: { role: ["audio", "state"] },
    sparse: true,
  },
  mynah_redis_bytes: {
    together: "max",
    type: "gauge",
    help: "Memory of our keys in Redis, over all servers, as last estimated.",
    sparse: true,
  },
  mynah_redis_keys: {
    together: "max",
    type: "gauge",
    help: "Our keys in Redis, over all servers, as last counted.",
    sparse: true,
  },
  mynah_part_degraded: {
    together: "max",
    type: "gauge",
    help: "1: this part works worse than it should, as /readyz tells.",
    labels: { part: ["engines", "cache", "limits", "redisAudio", "redisState"] },
    sparse: true,
  },
  mynah_build_info: {
    together: "max",
    type: "gauge",
    help: "Always 1; the versions are the labels.",
    labels: { version: "version", node: "version" },
    sparse: true,
  },
  process_cpu_user_seconds_total: { type: "counter", help: "Processor time in user mode." },
  process_cpu_system_seconds_total: { type: "counter", help: "Processor time in the system." },
  process_start_time_seconds: { together: "min", type: "gauge", help: "When the process began, since the epoch." },
  process_resident_memory_bytes: { type: "gauge", help: "Resident memory." },
  process_open_fds: { type: "gauge", help: "Open file descriptors. Linux only.", sparse: true },
  nodejs_heap_size_used_bytes: { type: "gauge", help: "JavaScript heap in use." },
  nodejs_heap_size_total_bytes: { type: "gauge", help: "JavaScript heap reserved." },
  nodejs_external_memory_bytes: { type: "gauge", help: "Memory outside the heap that JavaScript objects hold." },
  nodejs_eventloop_utilization: {
    together: "max",
    type: "gauge",
    help: "Share of the time since the process began in which the event loop was busy, from 0 to 1.",
  },
  nodejs_eventloop_lag_p99_seconds: {
    together: "max",
    type: "gauge",
    help: "How late the event loop came, 99th percentile since the last scrape.",
  },
  nodejs_eventloop_lag_max_seconds: {
    together: "max",
    type: "gauge",
    help: "How late it came at worst since the last scrape.",
  },
} as const satisfies Record<string, MetricSpec>;
