import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Clock } from "../core/clock.ts";
import type { EventBus, SegmentOutcome } from "../core/events.ts";
import { METRICS, type MetricSpec, SECONDS_BUCKETS } from "./metric-table.ts";
import { ProcessSamples } from "./process-samples.ts";
import { type StateNow, stateSamples } from "./state-samples.ts";
import { type ConfiguredLabels, Tally } from "./tally.ts";

type Named<Type extends MetricSpec["type"]> = {
  [Name in keyof typeof METRICS]: (typeof METRICS)[Name]["type"] extends Type ? Name : never;
}[keyof typeof METRICS];
type CounterName = Named<"counter">;

/** One value as it is now. */
export type Sample = readonly [
  name: Named<"gauge" | "counter">,
  value: number,
  labels?: Readonly<Record<string, string>>,
];

export type MetricsOptions = {
  readonly events: EventBus;
  readonly clock: Clock;
  readonly configured: ConfiguredLabels;
  /** Asked at each scrape. */
  readonly stateNow: () => StateNow;
};

/** What Prometheus reads of one gateway. Listens to its events; several gateways in a process do not share anything. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #tallies = new Map<CounterName, Tally>();
  readonly #histograms = new Map<Named<"histogram">, Histogram>();
  readonly #sampled = new Map<string, Counter | Gauge>();
  readonly #process: ProcessSamples;
  readonly #stateNow: () => StateNow;
  readonly #leave: readonly (() => void)[];

  constructor({ events, clock, configured, stateNow }: MetricsOptions) {
    this.#stateNow = stateNow;
    this.#process = new ProcessSamples({ clock });
    for (const [name, spec] of Object.entries<MetricSpec>(METRICS)) this.#register(name, spec, configured);
    this.#leave = [...this.#countRequests(events), ...this.#countSegments(events), ...this.#countEngines(events)];
  }

  /** Of the text: Prometheus 0.0.4, which every scraper reads. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything, as it is now. */
  async text(): Promise<string> {
    for (const metric of this.#sampled.values()) metric.reset();
    for (const samples of [stateSamples(this.#stateNow()), this.#process.read()]) {
      for (const [name, value, labels = {}] of samples) this.#put(name, value, labels);
    }
    for (const [name, tally] of this.#tallies) {
      for (const { labels, sum } of tally.series()) this.#put(name, sum, labels);
    }
    return this.#registry.metrics();
  }

  /** Listens no longer. */
  close(): void {
    for (const leave of this.#leave) leave();
    this.#process.close();
  }

  #register(name: string, spec: MetricSpec, configured: ConfiguredLabels): void {
    const { type, help, labels = {} } = spec;
    const options = { name, help, labelNames: Object.keys(labels), registers: [this.#registry] };
    if (type === "histogram") {
      const histogram = new Histogram({ ...options, buckets: [...SECONDS_BUCKETS] });
      for (const { labels: values } of new Tally(spec, configured).series()) histogram.zero(values);
      this.#histograms.set(name as Named<"histogram">, histogram);
      return;
    }
    this.#sampled.set(name, type === "gauge" ? new Gauge(options) : new Counter(options));
    if (type === "counter" && name.startsWith("mynah_"))
      this.#tallies.set(name as CounterName, new Tally(spec, configured));
  }

  #put(name: string, value: number, labels: Readonly<Record<string, string>>): void {
    const metric = this.#sampled.get(name)!;
    metric.inc({ ...labels }, value); // all were reset
  }

  #tally(name: CounterName): Tally {
    return this.#tallies.get(name)!;
  }

  /** Observes milliseconds under one label. */
  #timer(name: Named<"histogram">): (ms: number, value: string) => void {
    const histogram = this.#histograms.get(name)!;
    const [label] = Object.keys(METRICS[name].labels);
    return (ms, value) => histogram.observe({ [label!]: value }, ms / 1000);
  }

  #countRequests(events: EventBus): (() => void)[] {
    const requests = this.#tally("mynah_requests_total");
    const failures = this.#tally("mynah_request_failures_total");
    const refusals = this.#tally("mynah_refusals_total");
    const answers = this.#tally("mynah_answers_total");
    const bytes = this.#tally("mynah_answer_bytes_total");
    const errors = this.#tally("mynah_error_answers_total");
    const firstAudio = this.#timer("mynah_first_audio_seconds");
    return [
      events.on("speech.started", ({ outcome, firstAudioMs }) => firstAudio(firstAudioMs, outcome)),
      events.on("speech.delivered", (event) => {
        requests.add(1, outcomeOf(event.segments));
        answers.add(1, event.engine, event.format);
        bytes.add(event.bytes, event.engine, event.format);
      }),
      events.on("speech.failed", ({ code }) => {
        requests.add(1, "failed");
        failures.add(1, code);
      }),
      events.on("speech.refused", ({ window }) => {
        requests.add(1, "refused");
        refusals.add(1, window);
      }),
      events.on("error.answered", ({ code }) => errors.add(1, code)),
    ];
  }

  #countSegments(events: EventBus): (() => void)[] {
    const segments = this.#tally("mynah_segments_total");
    const transcoded = this.#tally("mynah_segments_transcoded_total");
    const savedCharacters = this.#tally("mynah_saved_characters_total");
    const savedBytes = this.#tally("mynah_saved_bytes_total");
    const savedSeconds = this.#tally("mynah_saved_audio_seconds_total");
    const writes = this.#tally("mynah_store_writes_total");
    const written = this.#tally("mynah_store_written_bytes_total");
    const failures = this.#tally("mynah_store_failures_total");
    const skipped = this.#tally("mynah_store_skipped_total");
    return [
      events.on("segment.delivered", ({ outcome, engine, characters, bytes = 0, durationMs = 0 }) => {
        segments.add(1, engine, outcome);
        if (outcome === "miss") return;
        savedCharacters.add(characters, engine);
        savedBytes.add(bytes, engine);
        savedSeconds.add(durationMs / 1000, engine);
      }),
      events.on("segment.transcoded", ({ from, to }) => transcoded.add(1, from, to)),
      events.on("store.written", ({ bytes, engine }) => {
        writes.add(1, engine);
        written.add(bytes, engine);
      }),
      events.on("store.failed", ({ op }) => failures.add(1, op)),
      events.on("store.skipped", ({ reason }) => skipped.add(1, reason)),
    ];
  }

  #countEngines(events: EventBus): (() => void)[] {
    const syntheses = this.#tally("mynah_syntheses_total");
    const spent = this.#tally("mynah_spent_characters_total");
    const failures = this.#tally("mynah_engine_failures_total");
    const bytes = this.#tally("mynah_synthesized_bytes_total");
    const flights = this.#tally("mynah_flights_total");
    const takeovers = this.#tally("mynah_flight_takeovers_total");
    const firstAudio = this.#timer("mynah_engine_first_audio_seconds");
    const total = this.#timer("mynah_synthesis_seconds");
    return [
      events.on("synthesis.started", ({ engine, characters }) => {
        syntheses.add(1, engine);
        spent.add(characters, engine);
      }),
      events.on("synthesis.finished", (event) => {
        firstAudio(event.firstAudioMs, event.engine);
        total(event.totalMs, event.engine);
        bytes.add(event.bytes, event.engine);
      }),
      events.on("engine.failed", ({ engine, code }) => failures.add(1, engine, code)),
      events.on("flight.boarded", ({ engine, role, takenOver }) => {
        flights.add(1, engine, role);
        if (takenOver) takeovers.add(1, engine);
      }),
    ];
  }
}

/** The dearest of what an answer is made of. */
function outcomeOf({ miss, coalesced, stale }: Readonly<Record<SegmentOutcome, number>>): SegmentOutcome {
  if (miss > 0) return "miss";
  if (coalesced > 0) return "coalesced";
  return stale > 0 ? "stale" : "hit";
}
