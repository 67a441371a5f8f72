import type { GatewayWord } from "./gateway-process.ts";
import { now } from "./now.ts";

/** Something that was so from one moment to another, both by the soak's own clock. */
export type Span = { readonly fromMs: number; readonly toMs: number };
export type FaultSpan = Span & { readonly kind: string; readonly gateway?: number; readonly redis?: string };
type Outage = { readonly gateway: number; readonly redis: string; readonly fromMs: number; toMs: number };

/** What was broken when, by our own hand and by what the gateways say of Redis. */
export class Timeline {
  readonly faults: FaultSpan[] = [];
  /** When each gateway saw a Redis go, and come back. */
  readonly #outages: Outage[] = [];
  /** When a gateway got no answer from the Redis of limits in time, and decided itself. */
  readonly #undecided: number[] = [];

  fault(kind: string, fromMs: number, what: { readonly gateway?: number; readonly redis?: string }): () => void {
    const span = { kind, fromMs, toMs: Number.POSITIVE_INFINITY, ...what };
    this.faults.push(span);
    return () => {
      span.toMs = now();
    };
  }

  note(gateway: number, { kind, atMs, roles = [] }: Extract<GatewayWord, { type: "note" }>): void {
    if (kind === "not decided") this.#undecided.push(atMs);
    for (const redis of roles) {
      this.#endOutages(atMs, (one) => one.gateway === gateway && one.redis === redis);
      if (kind === "redis down") this.#outages.push({ gateway, redis, fromMs: atMs, toMs: Number.POSITIVE_INFINITY });
    }
  }

  /** A new process: what the one before it saw is over. */
  restarted(gateway: number): void {
    this.#endOutages(now(), (one) => one.gateway === gateway);
  }

  /** Faults of these kinds that were there at any time between, or had not been over for longer than `lagMs`. */
  faultsIn({ fromMs, toMs }: Span, kinds: RegExp, lagMs = 0): FaultSpan[] {
    return this.faults.filter(
      (fault) => kinds.test(fault.kind) && fault.fromMs <= toMs && fault.toMs + lagMs >= fromMs,
    );
  }

  /** Whether a Redis was away at any time between, as some gateway saw it. */
  outageIn({ fromMs, toMs }: Span, redis?: string): boolean {
    return this.#outages.some(
      (one) => (redis === undefined || one.redis === redis) && one.fromMs <= toMs && one.toMs >= fromMs,
    );
  }

  /** Whether some gateway decided on a limit by itself in this time: it could not ask Redis, or got no answer. */
  aloneIn(span: Span): boolean {
    return this.outageIn(span, "state") || this.#undecided.some((atMs) => atMs >= span.fromMs && atMs <= span.toMs);
  }

  #endOutages(atMs: number, which: (outage: Outage) => boolean): void {
    for (const outage of this.#outages) if (outage.toMs > atMs && which(outage)) outage.toMs = atMs;
  }
}
