import type { StatsBody } from "./stats-route.ts";

/** Counters of several processes as those of one server. What they all read in Redis is the asked one's own. */
export function mergeStats(own: StatsBody, others: readonly StatsBody[]): StatsBody {
  const all = [own, ...others];
  if (others.length === 0) return own;
  const segments = sums(all.map((one) => one.segments));
  const found = segments.hits + segments.coalesced;
  const looked = found + segments.misses + segments.stale;
  return {
    ...own,
    uptimeMs: Math.max(...all.map(({ uptimeMs }) => uptimeMs)),
    requests: sums(all.map(({ requests }) => requests)),
    segments: { ...segments, hitRate: looked === 0 ? 0 : found / looked },
    syntheses: sums(all.map(({ syntheses }) => syntheses)),
    saved: sums(all.map(({ saved }) => saved)),
    sockets: sums(all.map(({ sockets }) => sockets)),
    memory: sums(all.map(({ memory }) => memory)),
    engines: own.engines.map((engine) => mergeEngines(engine, others)),
    ...(own.wyoming && { wyoming: sums(all.flatMap(({ wyoming }) => wyoming ?? [])) }),
  };
}

type Engine = StatsBody["engines"][number];

/** State and quantiles are the asked process's own: a breaker belongs to a process, and medians do not add up. */
function mergeEngines(own: Engine, others: readonly StatsBody[]): Engine {
  const all = [own, ...others.flatMap(({ engines }) => engines.filter(({ name }) => name === own.name))];
  const costs = all.flatMap(({ cost }) => cost ?? []);
  return {
    ...own,
    inFlight: total(all.map(({ inFlight }) => inFlight)),
    queued: total(all.map(({ queued }) => queued)),
    calls: total(all.map(({ calls }) => calls)),
    failures: sums(all.map(({ failures }) => failures)),
    characters: sums(all.map(({ characters }) => characters)),
    ...(own.cost && {
      cost: {
        ...own.cost,
        spent: total(costs.map(({ spent }) => spent)),
        saved: total(costs.map(({ saved }) => saved)),
      },
    }),
  };
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function sums<Counts extends Readonly<Record<string, number>>>(all: readonly Counts[]): Counts {
  const summed: Record<string, number> = {};
  for (const counts of all)
    for (const [name, count] of Object.entries(counts)) summed[name] = (summed[name] ?? 0) + count;
  return summed as Counts;
}
