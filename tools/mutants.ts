/**
 * Mutation tests of the parts that the promises lean on: each of their lines is changed in turn, and a test must notice.
 *   npm run mutants [-- part of a file's path, or of a module's name]
 * Prints a table. Fails for a mutant that no test notices and `mutants/equivalent.ts` does not explain.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { LogLevel, MutantResult } from "@stryker-mutator/api/core";
import { Stryker } from "@stryker-mutator/core";
import { EQUIVALENT, type Equivalent } from "./mutants/equivalent.ts";
import { MODULES, type MutatedModule } from "./mutants/modules.ts";

const ROOT = join(import.meta.dirname, "..");
const GATEWAY = "packages/gateway";
const NOTICED = new Set<MutantResult["status"]>(["Killed", "Timeout", "RuntimeError"]);
const UNNOTICED = new Set<MutantResult["status"]>(["Survived", "NoCoverage"]);

type Survivor = { readonly file: string; readonly lineNumber: number; readonly line: string; readonly mutant: string };

async function mutate({ files, tests }: MutatedModule): Promise<MutantResult[]> {
  process.env.MUTANTS_TESTS = tests.map((file) => `${GATEWAY}/${file}`).join(",");
  const stryker = new Stryker({
    mutate: files.map((file) => `${GATEWAY}/${file}`),
    testRunner: "vitest",
    vitest: { configFile: "tools/mutants/vitest.config.ts", related: false },
    plugins: ["@stryker-mutator/vitest-runner", join(ROOT, "tools/mutants/not-mutated.ts")],
    ignorers: ["messages"],
    // Stryker would read it with the compiler's JavaScript API, which TypeScript 7 has none of.
    tsconfigFile: "none.json",
    // Tests have clocks and Redis processes of their own, and both get late when two run at once on a small machine.
    concurrency: 1,
    timeoutMS: 8_000,
    dryRunTimeoutMinutes: 10,
    reporters: [],
    allowConsoleColors: false,
    logLevel: "error" as LogLevel,
    tempDirName: join(ROOT, ".cache/mutants"),
  });
  return stryker.runMutationTest();
}

function survivorOf({ fileName, location, replacement }: MutantResult): Survivor {
  const lines = readFileSync(fileName, "utf8").split("\n");
  const lineNumber = location.start.line;
  return {
    file: fileName.slice(fileName.indexOf("src/") + "src/".length),
    lineNumber,
    line: lines[lineNumber - 1]!.trim(),
    mutant: (replacement ?? "").replaceAll(/\s+/g, " "),
  };
}

const explains = (known: Equivalent, { file, line, mutant }: Survivor): boolean =>
  known.file === file && line.includes(known.line) && (known.mutant === undefined || known.mutant === mutant);

const wanted = process.argv[2] ?? "";
const chosen = MODULES.filter(({ name, files }) => [name, ...files].some((text) => text.includes(wanted)));
if (chosen.length === 0) {
  process.stderr.write(
    `no module or file is called ${wanted}; there are ${MODULES.map(({ name }) => name).join(", ")}\n`,
  );
  process.exit(2);
}

const unexplained: Survivor[] = [];
const used = new Set<Equivalent>();
const rows: string[] = [];
for (const module of chosen) {
  const results = await mutate(module);
  const survivors = results.filter(({ status }) => UNNOTICED.has(status)).map(survivorOf);
  for (const survivor of survivors) {
    const known = EQUIVALENT.find((one) => explains(one, survivor));
    if (known === undefined) unexplained.push(survivor);
    else used.add(known);
  }
  const killed = results.filter(({ status }) => NOTICED.has(status)).length;
  const open = unexplained.filter((one) => survivors.includes(one)).length;
  rows.push(`| ${module.name} | ${killed + survivors.length} | ${killed} | ${survivors.length - open} | ${open} |`);
  process.stderr.write(`${rows.at(-1)}\n`);
}

const paths = chosen.flatMap(({ files }) => files);
const stale = EQUIVALENT.filter((one) => paths.includes(`src/${one.file}`) && !used.has(one));
for (const { file, lineNumber, line, mutant } of unexplained)
  process.stdout.write(`unnoticed: ${file}:${lineNumber}\n  ${line}\n  with ${mutant}\n`);
for (const { file, line } of stale) process.stdout.write(`explained, but noticed or gone: ${file}: ${line}\n`);
process.stdout.write(
  `\n| module | mutants | noticed | explained | unnoticed |\n| --- | --- | --- | --- | --- |\n${rows.join("\n")}\n`,
);
process.exitCode = unexplained.length + stale.length > 0 ? 1 : 0;
