import type { Asked } from "./soak-callers.ts";
import type { Span, Timeline } from "./timeline.ts";

export type LimitRules = { readonly limit: number; readonly lengthMs: number; readonly servers: number };

/**
 * What a window may hold, given what happened in it. Known to Redis: the limit, and once more for each time that the
 * Redis of limits was killed within the window, for it comes back with an empty log. Unknown to Redis: if some gateway
 * decided alone, every gateway but one may have admitted its share beside that (0021: what Redis admits is noted by the
 * server that asked, so one that has admitted a share already admits nothing alone); and a process that ended takes what it
 * had noted with it, so that the next one begins its share anew.
 */
export function allowedIn(window: Span, timeline: Timeline, { limit, servers }: LimitRules): number {
  const share = Math.floor(limit / servers);
  const logs = 1 + timeline.faultsIn(window, /^redis killed/).filter(({ redis }) => redis === "state").length;
  const ended = timeline.faultsIn(window, /^gateway (killed|stopped)/).length;
  return limit * logs + (timeline.aloneIn(window) ? share * (servers - 1 + ended) : 0);
}

export type LimitVerdict = { readonly most: number; readonly broken: readonly string[] };

/** Of each user the windows that certainly hold more than they may: both ends of each admission are inside. */
export function judgeLimits(asked: readonly Asked[], timeline: Timeline, rules: LimitRules): LimitVerdict {
  const broken: string[] = [];
  let most = 0;
  for (const [user, all] of Map.groupBy(asked, ({ user }) => user)) {
    const admitted = all.filter((one) => one.admitted);
    for (const { fromMs } of admitted) {
      const window = { fromMs, toMs: fromMs + rules.lengthMs };
      const inside = admitted.filter((one) => one.fromMs >= fromMs && one.toMs < window.toMs).length;
      most = Math.max(most, inside);
      const allowed = inside > rules.limit ? allowedIn(window, timeline, rules) : rules.limit;
      if (inside > allowed) broken.push(`${user}: ${inside} of ${allowed}`);
    }
  }
  return { most, broken };
}

/** Users refused who cannot have used up anything: they had not even asked often enough for a server's share. */
export function wronglyRefused(asked: readonly Asked[], { limit, lengthMs, servers }: LimitRules): string[] {
  const share = Math.floor(limit / servers);
  const byUser = Map.groupBy(asked, ({ user }) => user);
  return asked
    .filter(({ how }) => how === "refused")
    .flatMap(({ user, number, fromMs, toMs }) => {
      const others = byUser.get(user)!.filter((one) => one.how !== "refused" && one.number !== number);
      const before = others.filter((one) => one.toMs >= fromMs - lengthMs && one.fromMs <= toMs).length;
      return before < share ? [`#${number} ${user} after ${before}`] : [];
    });
}
