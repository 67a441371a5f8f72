/**
 * `npm run bench`: the benchmarks that tell most in some minutes; `-- all` every one, `-- NAME…` these. What they print is
 * also kept: as it is in bench-results/results.md, and its tables, with what machine they are of, in results.json.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { type Table, tablesIn } from "./support/report.ts";

const QUICK = ["cache-hits", "first-byte", "stampede", "socket-first-audio", "limiter", "encoders", "memory"];
const LONG = [
  "cached-answer",
  "metrics-cost",
  "dashboard-cost",
  "workers",
  "trace",
  "quality",
  "trace-replay",
  "redis-hit",
  "redis-outage",
  "live-chunks",
  "replay-two-servers",
  "socket-append",
  "sockets",
  "adapter-overhead",
  "engine-faults",
  "hedging",
  "users",
];
const ALL = [...QUICK, ...LONG];
const RESULTS = new URL("../../../bench-results/", import.meta.url);

type Result = { readonly name: string; readonly exitCode: number | null; readonly tables: readonly Table[] };

const asked = process.argv.slice(2);
const unknown = asked.find((name) => name !== "all" && !ALL.includes(name));
if (unknown !== undefined) {
  process.stderr.write(`there is no benchmark "${unknown}"; there are all, ${ALL.join(", ")}\n`);
  process.exit(2);
}
let printed = "";
const results: Result[] = [];
for (const name of asked.includes("all") ? ALL : asked.length > 0 ? asked : QUICK) results.push(await run(name));
keep();

async function run(name: string): Promise<Result> {
  const title = `\n## ${name}\n`;
  let text = "";
  process.stdout.write(title);
  const script = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
    process.stdout.write(piece);
  });
  const [exitCode] = (await once(child, "close")) as [number | null];
  if (exitCode !== 0) process.exitCode = 1;
  printed += title + text;
  return { name, exitCode, tables: tablesIn(text) };
}

function keep(): void {
  const [cpu] = cpus();
  const machine = {
    node: process.version,
    system: `${process.platform} ${release()}`,
    cpu: cpu?.model ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
  };
  const measuredAt = new Date().toISOString();
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(
    new URL("results.json", RESULTS),
    `${JSON.stringify({ measuredAt, machine, results }, undefined, 1)}\n`,
  );
  const where = `${machine.cores} × ${machine.cpu}, ${machine.system}, Node ${machine.node}, ${measuredAt}`;
  writeFileSync(new URL("results.md", RESULTS), `# Benchmarks\n\n${where}\n${printed}`);
  process.stdout.write("\nkept in bench-results/: results.md, results.json\n");
}
