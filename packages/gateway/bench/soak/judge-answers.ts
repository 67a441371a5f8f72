import type { Asked } from "./soak-callers.ts";
import type { Timeline } from "./timeline.ts";

/** Errors of the connection, not of the gateway. */
const CONNECTION = /^(ECONN\w+|EPIPE|closed|aborted)$/;
/** A gateway that is thawed finds its deadlines passed; one that has just begun is still cold. */
const GATEWAY_LAG_MS = 3_000;
const ENGINE_LAG_MS = 3_000;

/**
 * Answers that failed or were cut although nothing that may do that was broken. What may: for those who asked it, a gateway
 * that was killed or frozen, or stopped (but that one finishes what it has begun); for anybody, an engine, until the
 * breakers have found out. Never Redis, and never another gateway.
 */
export function unexplainedFailures(asked: readonly Asked[], ports: readonly number[], timeline: Timeline): string[] {
  return asked
    .filter(({ how }) => how === "failed" || how === "cut")
    .filter((one) => {
      if (one.code === "gave_up") return true;
      const ofGateway = timeline.faultsIn(one, /^gateway/, GATEWAY_LAG_MS);
      const mayDo = one.how === "cut" ? /killed|frozen/ : /./;
      if (ofGateway.some(({ kind, gateway }) => mayDo.test(kind) && ports[gateway ?? -1] === one.port)) return false;
      return CONNECTION.test(one.code) && one.how === "failed"
        ? true
        : timeline.faultsIn(one, /^engine/, ENGINE_LAG_MS).length === 0;
    })
    .map(({ number, how, code, port, format, overSocket, fromMs, toMs }) => {
      const near = timeline.faultsIn({ fromMs: fromMs - 5_000, toMs }, /./).map(({ kind }) => kind);
      const way = overSocket ? "socket" : "http";
      return `#${number} ${how} ${code} (${format}, ${way}, port ${port}, ${Math.round(toMs - fromMs)} ms; near: ${near.join(", ")})`;
    });
}
