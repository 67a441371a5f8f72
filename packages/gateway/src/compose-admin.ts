import { Jobs } from "./admin/jobs.ts";
import { SharedJobs } from "./admin/shared-jobs.ts";
import { warmJob } from "./admin/warm-job.ts";
import type { SpeechSystem } from "./compose.ts";
import { configShown } from "./config/shown.ts";
import type { AdminDeps } from "./http/admin/admin-deps.ts";

/** What administrators may do beside keys and limits. */
export type Administration = AdminDeps & { close(): Promise<void> };

export function openAdministration(speech: SpeechSystem): Administration {
  const { clock, config, engineStates, redis, store, switches, warm, unsay } = speech;
  const jobs = new Jobs({ clock, ...(redis && { shared: new SharedJobs(redis) }) });
  const shown = configShown(config);
  return {
    jobs,
    cache: {
      unsay,
      deleteKey: (key, options) => store.delete(key, options),
      purge: (match, { about, by }) =>
        jobs.start({
          ...{ kind: "purge", about, by },
          async run({ signal, update }) {
            const onProgress = (purge: { seen: number; removed: number }) => update({ done: purge.seen, purge });
            onProgress({ seen: 0, removed: 0 });
            await store.purge(match, { signal, onProgress });
          },
        }),
      warm: ({ about, by, ...asked }) =>
        jobs.start({ kind: "warm", about, by, run: warmJob({ ...asked, warm, clock }) }),
    },
    engines: {
      list: () => engineStates.stats.map((stats) => ({ ...stats, off: switches.of(stats.name) })),
      has: (name) => engineStates.stats.some((stats) => stats.name === name),
      set: (name, change, options) => switches.set(name, change, options),
      reset: (name) => engineStates.of(name).reset(),
    },
    config: () => ({ ...shown, warnings: [...speech.warnings()] }),
    close: () => jobs.close(),
  };
}
