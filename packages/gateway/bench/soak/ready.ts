import { becomes, within } from "./deadline.ts";
import { now } from "./now.ts";
import type { Stage } from "./stage.ts";

const ANSWER_MS = 5_000;
type Ready = { readonly status: string; readonly parts: Readonly<Record<string, { status: string; detail: string }>> };

/**
 * Waits until each gateway says that all its parts are well. Callers go on meanwhile: a breaker closes by a call that goes
 * well, and an engine that is not the first is only asked while the first one fails.
 */
export async function isReady(
  { gateways, callers, timeline }: Stage,
  ms: number,
): Promise<{ readonly seen: string; readonly against: readonly string[] }> {
  const startedAt = now();
  let against: string[] = [];
  const ready = await becomes(ms, "gateways to be ready", async () => {
    against = [];
    for (const [n, { port }] of gateways.entries()) {
      const answer = await within(ANSWER_MS, "/readyz of a gateway", readiness(port)).catch((error: unknown) => error);
      if (answer instanceof Error) against.push(`gateway ${n}: ${answer.message}`);
      else
        for (const [part, { status, detail }] of Object.entries((answer as Ready).parts))
          if (status === "degraded") against.push(`gateway ${n}: ${part} ${detail}`);
    }
    if (against.length === 0) return true;
    const over = timeline.fault("engine fails", now(), {});
    const failing = /\bfirst \(/.test(against.join()) ? {} : { failAfterBytes: 0 };
    for (const gateway of gateways) gateway.script(0, failing);
    for (const n of gateways.keys()) callers.fresh(n);
    await within(ms, "callers of gateways that get ready", callers.settled());
    for (const gateway of gateways) gateway.script(0, {});
    over();
    return false;
  });
  return { seen: `after ${Math.round((now() - startedAt) / 1000)} s`, against: ready ? [] : against };
}

async function readiness(port: number): Promise<Ready> {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`, {
    headers: { connection: "close" },
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  return (await answer.json()) as Ready;
}
