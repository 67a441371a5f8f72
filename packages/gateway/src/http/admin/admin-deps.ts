import type { EngineStats } from "@mynah/protocol";
import type { AudioFormat, AudioFormatName } from "../../core/audio-format.ts";
import type { CacheKey } from "../../core/cache-key.ts";
import type { EntryMatch } from "../../core/entry-match.ts";
import type { Job } from "../../core/job.ts";
import type { CallOptions } from "../../core/ports.ts";
import type { Utterance } from "../../core/utterance.ts";
import type { Audit } from "../admin-routes.ts";
import type { ConfigBody } from "./config-route.ts";

/** What a job is called, and for whom it runs. */
export type JobTitle = { readonly about: string; readonly by: string };

export type CacheAdministration = {
  /** False: it was not there. Rejects when a store fails. */
  deleteKey(key: CacheKey, options: CallOptions): Promise<boolean>;
  /** Removes all that is stored of what this would say. Gives the number. */
  unsay(utterance: Utterance, options: CallOptions): Promise<number>;
  purge(match: EntryMatch, title: JobTitle): Job;
  warm(
    asked: JobTitle & {
      readonly phrases: readonly string[];
      readonly settings: Omit<Utterance, "text">;
      readonly concurrency: number;
    },
  ): Job;
};

export type JobAdministration = {
  list(options: CallOptions): Promise<readonly Job[]>;
  get(id: string, options: CallOptions): Promise<Job | undefined>;
  cancel(id: string, options: CallOptions): Promise<Job | undefined>;
};

export type EngineShown = EngineStats & {
  readonly off?: { readonly by: string; readonly atMs: number } | undefined;
};

export type EngineAdministration = {
  list(): readonly EngineShown[];
  has(name: string): boolean;
  set(
    name: string,
    change: { readonly on: boolean; readonly by: string },
    options: CallOptions,
  ): Promise<{ readonly shared: boolean }>;
  /** Closes its breaker. */
  reset(name: string): void;
};

export type AdminDeps = {
  readonly jobs: JobAdministration;
  readonly cache: CacheAdministration;
  readonly engines: EngineAdministration;
  readonly config: () => ConfigBody;
};

export type AdminRouteContext = AdminDeps & {
  readonly audit: Audit;
  readonly formats: Readonly<Record<AudioFormatName, AudioFormat>>;
};
