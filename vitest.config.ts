import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [
      "packages/*/src/**/*.test.ts",
      "packages/*/test/**/*.test.ts",
      "packages/*/bench/**/*.test.ts",
      "tools/**/*.test.ts",
    ],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Ends as soon as it holds; a machine that others use as well may need longer than the usual second.
    expect: { poll: { timeout: 10_000 } },
    pool: "forks",
    // Files of one process share its modules: loading them anew for each took a sixth of the run.
    isolate: false,
    // One more than there are cores: much of what is tried is waiting, for deadlines, for Redis, for a browser.
    maxWorkers: availableParallelism() + 1,
    // Faults are tried on real processes by real clocks; on a machine that others use as well a deadline can pass by chance.
    retry: process.env.CI ? 2 : 0,
  },
});
