import type { NoteKind } from "./gateway-child.ts";
import type { GatewayWord } from "./gateway-process.ts";
import { now } from "./now.ts";

/** Something that was so from one moment to another, both by the soak's own clock. */
export type Span = { readonly fromMs: number; readonly toMs: number };
export type FaultSpan = Span & { readonly kind: string; readonly gateway?: number; readonly redis?: string };
type Note = { readonly atMs: number; readonly gateway: number; readonly kind: NoteKind };

const STATE = "state";

/** What was broken when, by our own hand and by what the gateways say of Redis. */
export class Timeline {
  readonly faults: FaultSpan[] = [];
  readonly #notes: Note[] = [];
  /** When each gateway saw the Redis of limits go, and come back. */
  readonly #outages: (Span & { readonly gateway: number })[] = [];

  fault(kind: string, fromMs: number, what: { readonly gateway?: number; readonly redis?: string }): () => void {
    const span = { kind, fromMs, toMs: Number.POSITIVE_INFINITY, ...what };
    this.faults.push(span);
    return () => {
      span.toMs = now();
    };
  }

  note(gateway: number, { kind, atMs, roles = [] }: Extract<GatewayWord, { type: "note" }>): void {
    if (roles.includes(STATE)) {
      this.#endOutage(gateway, atMs);
      if (kind === "redis down") this.#outages.push({ gateway, fromMs: atMs, toMs: Number.POSITIVE_INFINITY });
    }
    this.#notes.push({ atMs, gateway, kind });
  }

  /** A new process: what the one before it saw is over. */
  restarted(gateway: number): void {
    this.#endOutage(gateway, now());
  }

  /** Faults of these kinds that were there at any time between, or had not been over for longer than `lagMs`. */
  faultsIn({ fromMs, toMs }: Span, kinds: RegExp, lagMs = 0): FaultSpan[] {
    return this.faults.filter(
      (fault) => kinds.test(fault.kind) && fault.fromMs <= toMs && fault.toMs + lagMs >= fromMs,
    );
  }

  /** Whether some gateway decided by itself in this time, because it could not ask Redis or got no answer. */
  aloneIn({ fromMs, toMs }: Span): boolean {
    return (
      this.#outages.some((outage) => outage.fromMs <= toMs && outage.toMs >= fromMs) ||
      this.noted({ fromMs, toMs }, ["not decided"])
    );
  }

  noted({ fromMs, toMs }: Span, kinds: readonly NoteKind[]): boolean {
    return this.#notes.some(({ atMs, kind }) => kinds.includes(kind) && atMs >= fromMs && atMs <= toMs);
  }

  #endOutage(gateway: number, atMs: number): void {
    const open = this.#outages.findIndex((outage) => outage.gateway === gateway && outage.toMs > atMs);
    if (open >= 0) this.#outages[open] = { ...this.#outages[open]!, toMs: atMs };
  }
}
