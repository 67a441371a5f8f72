import { SpeechError } from "../core/errors.ts";
import type { LanguageDetector } from "../core/ports.ts";
import { WorkerPool } from "../threads/worker-pool.ts";
import type { LanguageJob, LanguageMessage } from "./language-job.ts";

const TIMEOUT_MS = 5_000;
const MAX_QUEUED = 1_000;
/** More of a text tells nothing more. */
const MAX_CHARS = 1_000;

/**
 * Languages by their n-grams (package eld). In a thread of its own, since its tables take a second to read and some 80 MB;
 * it starts with the first text and ends with the gateway.
 */
export function createLanguageDetector(): LanguageDetector {
  const pool = new WorkerPool<LanguageJob, LanguageMessage>({
    ...{ name: "language detection", size: 1, maxQueued: MAX_QUEUED, timeoutMs: TIMEOUT_MS },
    script: new URL(import.meta.url.endsWith(".ts") ? "./language-worker.ts" : "./language-worker.js", import.meta.url),
  });
  return {
    async detect(text, among, { signal }) {
      const job = { text: text.slice(0, MAX_CHARS), ...(among !== undefined && { among }) };
      try {
        for await (const { language } of pool.run(job, { signal })) return language;
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof SpeechError && error.code === "shutting_down") throw error;
      }
      return undefined; // what cannot be told is spoken as if nobody had asked
    },
    close: () => pool.close(),
  };
}
