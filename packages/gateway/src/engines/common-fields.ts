import { z } from "zod";

/** Fields of the config file that many engine types have. */
export const name = z.string().min(1).describe("What callers and headers call it.");
const timeoutMs = z
  .number()
  .int()
  .positive()
  .max(600_000)
  .optional()
  .describe("Milliseconds to its first audio, and between chunks.");
export const workers = z.number().int().min(1).max(64).optional().describe("Threads, or processes at a time.");
const maxQueued = z.number().int().min(0).max(100_000).optional().describe("Syntheses that may wait for one of them.");
const maxConcurrent = z
  .number()
  .int()
  .min(1)
  .max(10_000)
  .optional()
  .describe("Syntheses that may run at once; others wait, and tenants take turns.");
const breaker = z
  .strictObject({
    failures: z.number().int().min(1).max(1_000).optional(),
    openMs: z.number().int().min(10).max(600_000).optional(),
    maxOpenMs: z.number().int().min(10).max(3_600_000).optional(),
  })
  .optional()
  .describe("`failures` in a row after which it is left alone for `openMs`, at most `maxOpenMs`.");
const hedge = z.boolean().optional().describe("Ask the next engine as well when this one is slower than usual.");
const costPerMillionChars = z.number().min(0).optional().describe("For the statistics, in your currency.");
/** What stands between callers and the engine; the adapter itself does not see it. */
export const guards = { timeoutMs, maxConcurrent, maxQueued, breaker, hedge, costPerMillionChars };
export const optional = z.boolean().optional().describe("Go on without it when it is not installed.");
export const maxChars = z.number().int().positive().optional().describe("Longest text of one request.");
export const nearlyFree = z
  .boolean()
  .optional()
  .describe("Costs nothing per request: finish for the cache when nobody listens.");
export const version = z
  .string()
  .min(1)
  .optional()
  .describe("Change it when what is behind it changes: audio is made anew.");
export const baseUrl = z.url({ protocol: /^https?$/ });
export const sampleRateHz = z.number().int().min(8000).max(48_000);
