/** Every benchmark after the other; `npm run bench -- NAME` runs one. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const ALL = [
  "cache-hits",
  "cached-answer",
  "metrics-cost",
  "dashboard-cost",
  "first-byte",
  "encoders",
  "memory",
  "trace",
  "quality",
  "trace-replay",
  "redis-hit",
  "redis-outage",
  "stampede",
  "live-chunks",
  "limiter",
  "replay-two-servers",
  "socket-first-audio",
  "socket-append",
  "sockets",
  "adapter-overhead",
  "engine-faults",
  "hedging",
  "users",
];
const asked = process.argv.slice(2);
const unknown = asked.find((name) => !ALL.includes(name));
if (unknown !== undefined) {
  process.stderr.write(`there is no benchmark "${unknown}"; there are ${ALL.join(", ")}\n`);
  process.exit(2);
}
for (const name of asked.length > 0 ? asked : ALL) {
  process.stdout.write(`\n## ${name}\n`);
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL(`${name}.ts`, import.meta.url))], {
    stdio: "inherit",
  });
  if (status !== 0) process.exitCode = 1;
}
