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
/** What stands between callers and the engine; the adapter itself does not see it. */
export const guards = { timeoutMs, maxConcurrent, maxQueued };
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
