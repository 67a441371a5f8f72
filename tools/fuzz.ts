/**
 * Fuzzes what reads bytes from outside, for minutes instead of seconds: the same properties as in `npm test`, which run for a
 * blink there.  node tools/fuzz.ts [runs of each property, default 20000] [seed]
 */
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";

const [runs = "20000", seed = String(randomInt(2 ** 31))] = process.argv.slice(2);
if (!/^[1-9]\d*$/.test(runs) || !/^\d+$/.test(seed)) {
  process.stderr.write("usage: npm run fuzz -- [runs] [seed]\n");
  process.exit(2);
}
process.stdout.write(`seed ${seed}: npm run fuzz -- ${runs} ${seed} does this again\n`);
const { status } = spawnSync("npm", ["test", "--", "packages/gateway/test/fuzz", "--testTimeout=0"], {
  stdio: "inherit",
  env: { ...process.env, FUZZ_RUNS: runs, FUZZ_SEED: seed },
});
process.exitCode = status ?? 1;
