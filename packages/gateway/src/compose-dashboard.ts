import type { GatewayStats, StatsTick } from "@mynah/protocol";
import type { SpeechSystem } from "./compose.ts";
import { LiveViewers, serverSentEvent } from "./http/live-viewers.ts";
import type { StatsHistoryDeps } from "./http/stats-history-routes.ts";
import { History } from "./observe/history/history.ts";

export type DashboardContext = {
  readonly speech: Pick<SpeechSystem, "events" | "clock" | "engineStates">;
  /** As GET /v1/stats tells them. */
  readonly stats: () => GatewayStats;
  /** As GET /readyz tells them. */
  readonly parts: () => StatsTick["parts"];
};

/** What the page's dashboard shows: a history that is kept always, and a stream of it while somebody looks. */
export function openDashboard({ speech, stats, parts }: DashboardContext): StatsHistoryDeps & { close(): void } {
  const { events, clock, engineStates } = speech;
  const viewers = new LiveViewers({ clock });
  const refusals: Record<string, number> = {};
  events.on("speech.refused", ({ window }) => {
    refusals[window] = (refusals[window] ?? 0) + 1;
  });
  const tick = (points: StatsTick["points"], atMs: number): StatsTick => ({
    ...{ atMs, points, stats: stats(), refusals },
    parts: parts(),
  });
  const history = new History({
    events,
    clock,
    peaksNow: () => peaksOf(stats()),
    prices: new Map(engineStates.stats.flatMap(({ name, cost }) => (cost ? [[name, cost.perMillionChars]] : []))),
    onTick(points, atMs) {
      // Made once for all, and not at all for nobody.
      if (viewers.count > 0) viewers.send(serverSentEvent("tick", tick(points, atMs)));
    },
  });
  return {
    history,
    viewers,
    tickNow: () => tick({}, clock.now()),
    close() {
      viewers.close();
      history.close();
    },
  };
}

function peaksOf({ sockets, syntheses, memory, redis }: GatewayStats) {
  return {
    sockets: sockets.open,
    utterances: sockets.utterances,
    syntheses: syntheses.running,
    memoryBytes: memory.bytes,
    redisDown: redis === undefined || (redis.audio === "up" && redis.state === "up") ? 0 : 1,
  };
}
