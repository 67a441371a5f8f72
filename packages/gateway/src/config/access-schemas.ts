import { z } from "zod";
import { ConfigError } from "./config.ts";

const name = z.string().min(1).max(512);
const limit = z.int().min(0).max(2_000_000_000).optional();

/** Limits of a plan or a tenant; 0 turns one off. */
const limits = z.strictObject({
  requestsPerMinute: limit,
  requestsPerHour: limit,
  requestsPerDay: limit,
  charactersPerMinute: limit,
  charactersPerHour: limit,
  charactersPerDay: limit,
  streams: z.int().min(0).max(1_000).optional(),
});

/** Who may speak, and how much, as the config file says it. */
export const accessSchemas = {
  keys: z
    .array(
      z.strictObject({
        hash: z
          .string()
          .regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 hex digits; `mynah keys create` prints it"),
        user: name,
        tenant: name.optional(),
        plan: name.optional(),
        admin: z.boolean().optional(),
      }),
    )
    .optional(),
  plans: z.record(name, limits).optional(),
  tenants: z.record(name, limits).optional(),
};

export type KeyConfig = NonNullable<z.infer<typeof accessSchemas.keys>>[number];
export type LimitsConfig = z.infer<typeof limits>;

const WRITTEN = /^([^=]{1,512})=(sha256:[0-9a-f]{64}|[\x21-\x7e]{16,512})$/;

/**
 * `MYNAH_API_KEYS`: `user=key` or `user=sha256:…`, separated by commas or spaces. Throws a ConfigError that does not
 * repeat what was written: there are secrets in it.
 */
export function parseApiKeys(text: string | undefined, hashed: (key: string) => string): KeyConfig[] {
  const entries = (text ?? "").split(/[\s,]+/).filter((entry) => entry !== "");
  return entries.map((entry, at) => {
    const [, user, key] = WRITTEN.exec(entry) ?? [];
    if (user === undefined || key === undefined)
      throw new ConfigError(
        `MYNAH_API_KEYS: entry ${at + 1} must be user=key, the key at least 16 visible characters or sha256:…`,
      );
    return { user, hash: key.startsWith("sha256:") ? key : hashed(key) };
  });
}
