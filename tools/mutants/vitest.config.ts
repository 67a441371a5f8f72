import { defineConfig } from "vitest/config";

/** Only the tests of the module whose mutants are tried: which they are, tools/mutants.ts says. */
export default defineConfig({
  test: {
    include: (process.env.MUTANTS_TESTS ?? "").split(","),
    testTimeout: 8_000,
    hookTimeout: 60_000,
  },
});
