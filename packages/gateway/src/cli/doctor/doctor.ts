import { ConfigError } from "../../config/config.ts";
import type { LoadedConfig } from "../../config/load.ts";
import { printTable } from "../print-table.ts";
import { type Check, fail } from "./check.ts";
import { checkCodecs } from "./check-codecs.ts";
import { checkEngines } from "./check-engines.ts";
import { checkAccess, checkConfig, checkDisk, checkNode, checkPort } from "./check-machine.ts";
import { checkNeural } from "./check-neural.ts";
import { checkRedis } from "./check-redis.ts";

export type DoctorOptions = { readonly json?: boolean; readonly skip: readonly string[] };

/** `mynah doctor`: everything that a start depends on, and what to do about what is wrong. */
export async function doctor({ json, skip }: DoctorOptions, read: () => LoadedConfig): Promise<void> {
  const checks = [checkNode()];
  const loaded = readOr(read, (check) => checks.push(check));
  if (loaded !== undefined) {
    const { config, warnings } = loaded;
    checks.push(...checkConfig(config, warnings), ...checkAccess(config), await checkPort(config));
    if (!skip.includes("redis")) checks.push(...(await checkRedis(config)));
    if (!skip.includes("engines"))
      checks.push(
        ...(await guarded("engines", () => checkEngines(config))),
        ...(await guarded("neural voices", async () => checkNeural(config))),
      );
  }
  if (!skip.includes("codecs")) checks.push(...(await guarded("codecs", checkCodecs)));
  checks.push(...(await checkDisk()));
  if (json) process.stdout.write(`${JSON.stringify({ status: worst(checks), checks }, undefined, 2)}\n`);
  else show(checks);
  if (worst(checks) === "fail") process.exitCode = 1;
}

function readOr(read: () => LoadedConfig, report: (check: Check) => void): LoadedConfig | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    report(fail("config", error.message, "Correct it; docs/configuration.md lists what is allowed."));
    return undefined;
  }
}

async function guarded(name: string, check: () => Promise<Check[]>): Promise<Check[]> {
  return check().catch((error: unknown) => [
    fail(name, error instanceof Error ? error.message : String(error), "Nothing can be spoken before this is mended."),
  ]);
}

function worst(checks: readonly Check[]): Check["status"] {
  return (["fail", "warn"] as const).find((status) => checks.some((check) => check.status === status)) ?? "ok";
}

const MARKS = { ok: "ok", off: "-", warn: "warn", fail: "FAIL" } as const;

function show(checks: readonly Check[]): void {
  printTable(
    ["", "CHECK", "FOUND"],
    checks.map(({ status, name, detail }) => [MARKS[status], name, detail]),
  );
  const todo = checks.filter(({ status, advice }) => advice !== undefined && status !== "off");
  if (todo.length > 0) process.stdout.write("\nWhat to do:\n");
  for (const { status, name, advice } of todo)
    process.stdout.write(`  ${MARKS[status].padEnd(4)}  ${name}: ${advice}\n`);
  const hints = checks.filter(({ status }) => status === "off");
  if (hints.length > 0) process.stdout.write("\nNot switched on:\n");
  for (const { name, advice } of hints) process.stdout.write(`  ${name}: ${advice}\n`);
}
