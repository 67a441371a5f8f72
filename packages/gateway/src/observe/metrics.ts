import type { Clock } from "../core/clock.ts";
import type { EventBus, SegmentOutcome } from "../core/events.ts";
import { Histogram } from "./histogram.ts";
import { METRICS, type MetricSpec } from "./metric-table.ts";
import { ProcessSamples } from "./process-samples.ts";
import type { Sample } from "./sample.ts";
import { type StateNow, stateSamples } from "./state-samples.ts";
import { type ConfiguredLabels, Tally } from "./tally.ts";

type Named<Type extends MetricSpec["type"]> = {
  [Name in keyof typeof METRICS]: (typeof METRICS)[Name]["type"] extends Type ? Name : never;
}[keyof typeof METRICS];

export type MetricsOptions = {
  readonly events: EventBus;
  readonly clock: Clock;
  readonly configured: ConfiguredLabels;
  /** Asked at each scrape. */
  readonly stateNow: () => StateNow;
};

/** What Prometheus reads of one gateway. Listens to its events; several gateways in a process do not share anything. */
export class Metrics {
  readonly #tallies = new Map<Named<"counter">, Tally>();
  readonly #histograms = new Map<Named<"histogram">, Histogram>();
  readonly #process: ProcessSamples;
  readonly #stateNow: () => StateNow;
  readonly #leave: readonly (() => void)[];

  constructor({ events, clock, configured, stateNow }: MetricsOptions) {
    this.#stateNow = stateNow;
    this.#process = new ProcessSamples({ clock });
    for (const [name, spec] of Object.entries<MetricSpec>(METRICS)) this.#register(name, spec, configured);
    this.#leave = [...this.#countRequests(events), ...this.#countSegments(events), ...this.#countEngines(events)];
  }

  /** Everything, as it is now. */
  *samples(): Generator<Sample> {
    yield* stateSamples(this.#stateNow());
    yield* this.#process.read();
    for (const [name, tally] of this.#tallies) for (const { labels, sum } of tally.series()) yield [name, sum, labels];
    for (const [name, histogram] of this.#histograms) yield* histogram.samples(name);
  }

  /** Listens no longer. */
  close(): void {
    for (const leave of this.#leave) leave();
    this.#process.close();
  }

  #register(name: string, spec: MetricSpec, configured: ConfiguredLabels): void {
    if (spec.type === "histogram") this.#histograms.set(name as Named<"histogram">, new Histogram(spec, configured));
    else if (spec.type === "counter" && name.startsWith("mynah_"))
      this.#tallies.set(name as Named<"counter">, new Tally(spec, configured));
  }

  #tally(name: Named<"counter">): Tally {
    return this.#tallies.get(name)!;
  }

  #countRequests(events: EventBus): (() => void)[] {
    const requests = this.#tally("mynah_requests_total");
    const failures = this.#tally("mynah_request_failures_total");
    const refusals = this.#tally("mynah_refusals_total");
    const answers = this.#tally("mynah_answers_total");
    const bytes = this.#tally("mynah_answer_bytes_total");
    const errors = this.#tally("mynah_error_answers_total");
    const firstAudio = this.#histograms.get("mynah_first_audio_seconds")!;
    return [
      events.on("speech.started", ({ outcome, firstAudioMs }) => firstAudio.observe(firstAudioMs, outcome)),
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
    const firstAudio = this.#histograms.get("mynah_engine_first_audio_seconds")!;
    const total = this.#histograms.get("mynah_synthesis_seconds")!;
    return [
      events.on("synthesis.started", ({ engine, characters }) => {
        syntheses.add(1, engine);
        spent.add(characters, engine);
      }),
      events.on("synthesis.finished", (event) => {
        firstAudio.observe(event.firstAudioMs, event.engine);
        total.observe(event.totalMs, event.engine);
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
