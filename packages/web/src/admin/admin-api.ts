import { MynahError } from "@mynah/client";
import type { EngineStats } from "@mynah/protocol";
import { ask, askJson } from "../shared/api.ts";

export type AdminEngine = EngineStats & { switchedOff: { by: string; at: string } | null };

export type Job = {
  id: string;
  kind: "purge" | "warm";
  about: string;
  by: string;
  state: "running" | "done" | "failed" | "cancelled" | "lost";
  startedAt: string;
  done: number;
  total: number | null;
  purge?: { seen: number; removed: number };
  warm?: { hits: number; made: number; failed: number; characters: number; cost: number | null };
  error: string | null;
};

export type LimitWindow = { name: string; unit: string; limit: number; remaining: number; resetMs: number };

export type Setting = { name: string; value: string | number | boolean | null; changed: boolean; meaning: string };
export type ConfigShown = {
  settings: Setting[];
  engines: unknown[];
  voices: unknown;
  plans: unknown;
  tenants: unknown;
  warnings: string[];
};

/** What administrators may ask; each call rejects with a MynahError that says why not. */
export type AdminApi = ReturnType<typeof adminApi>;

export function adminApi(key: () => string) {
  const get = <T>(path: string) => askJson<T>(`/admin/${path}`, { key: key() });
  const send = <T>(method: string, path: string, body: unknown = {}) =>
    askJson<T>(`/admin/${path}`, { key: key(), method, body });
  const remove = (path: string) => ask(`/admin/${path}`, { key: key(), method: "DELETE" });
  const user = (name: string) => `limits/${encodeURIComponent(name)}`;
  return {
    engines: async () => (await get<{ engines: AdminEngine[] }>("engines")).engines,
    switchEngine: (name: string, on: boolean) => send("PUT", `engines/${encodeURIComponent(name)}`, { on }),
    resetEngine: (name: string) => send("POST", `engines/${encodeURIComponent(name)}/reset`),
    purge: (what: object) => send<{ removed: number } | Job>("POST", "cache/purge", what),
    warm: (what: object) => send<Job>("POST", "cache/warm", what),
    jobs: async () => (await get<{ jobs: Job[] }>("jobs")).jobs,
    cancelJob: (id: string) => remove(`jobs/${encodeURIComponent(id)}`),
    limits: (name: string) => get<{ windows: LimitWindow[] }>(user(name)),
    resetLimits: (name: string) => remove(user(name)),
    refused: async () => (await get<{ refused: { user: string; refusals: number }[] }>("limits?limit=10")).refused,
    config: () => get<ConfigShown>("config"),
  };
}

/** The key is wrong, or may not do this. */
export function isKeyRefused(error: unknown): boolean {
  return error instanceof MynahError && [401, 403].includes(error.status);
}
