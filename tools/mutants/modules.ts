/** What is mutated, and the tests that must notice: those of the module itself, not whatever else would fail too. */
export type MutatedModule = {
  readonly name: string;
  /** Below packages/gateway/. */
  readonly files: readonly string[];
  readonly tests: readonly string[];
};

export const MODULES: readonly MutatedModule[] = [
  { name: "cache key", files: ["src/core/cache-key.ts"], tests: ["src/core/cache-key.test.ts"] },
  {
    name: "shared synthesis",
    files: ["src/speech/shared-synthesis.ts"],
    tests: ["src/speech/shared-synthesis.test.ts"],
  },
  {
    name: "flight",
    files: ["src/speech/flight.ts", "src/speech/passed-on.ts", "src/speech/word-places.ts"],
    tests: ["src/speech/flight.test.ts", "src/speech/passed-on.test.ts", "src/speech/word-places.test.ts"],
  },
  {
    name: "flight in Redis",
    files: ["src/redis/flight-lead.ts", "src/redis/live-entry.ts"],
    tests: ["src/redis/redis-flight-board.test.ts", "src/redis/live-entry.test.ts"],
  },
  {
    name: "limiter in memory",
    files: [
      "src/limits/memory-rate-limiter.ts",
      "src/limits/admission-log.ts",
      "src/limits/subject-logs.ts",
      "src/limits/allowance.ts",
    ],
    tests: ["src/limits/memory-rate-limiter.test.ts", "src/limits/admission-log.test.ts"],
  },
  {
    name: "limiter over Redis",
    files: ["src/limits/resilient-rate-limiter.ts", "src/limits/refusal-memory.ts", "src/limits/outage-journal.ts"],
    tests: ["src/limits/redis-rate-limiter.test.ts"],
  },
  {
    name: "chain",
    files: ["src/speech/engine-chain.ts", "src/speech/attempt.ts", "src/speech/hedged.ts", "src/speech/able.ts"],
    tests: ["src/speech/engine-chain.test.ts", "src/speech/hedged.test.ts", "src/speech/speak.test.ts"],
  },
];
