import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StatsBody } from "../http/stats-route.ts";
import { completionScript } from "./completion.ts";
import { program } from "./program.ts";
import { ratesBetween, sparkline, statsScreen } from "./stats-screen.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mynah-completion-"));
  for (const shell of ["bash", "zsh", "fish"] as const)
    writeFileSync(join(folder, shell), completionScript(program(), shell));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const has = (shell: string): boolean => spawnSync(shell, ["-c", "true"]).status === 0;

const linesOf = (shell: string, args: readonly string[]): string[] =>
  execFileSync(shell, args, { encoding: "utf8" }).split("\n");

/** What is offered for the last of these words, by a command line and its completions in order. */
const EXPECTED: readonly (readonly [line: string, offered: string])[] = [
  ["mynah ke", "keys"],
  ["mynah keys ", "create list revoke"],
  ["mynah keys create --te", "--tenant"],
  ["mynah -c foo.yaml limits s", "show"],
  ["mynah load http://x --order ", "random sequence zipf"],
  ["mynah say -f o", "opus"],
  ["mynah completion z", "zsh"],
  ["mynah engines o", "off on"],
  ["mynah --conf", "--config"],
];

describe("mynah completion", () => {
  it("completes commands, options and choices in a real bash, and leaves files to it", () => {
    const script = `source ${join(folder, "bash")}
ask() { COMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _mynah; echo "$(printf '%s\\n' "\${COMPREPLY[@]}" | sort | tr '\\n' ' ')"; }
${EXPECTED.map(
  ([line]) =>
    `ask ${line
      .split(" ")
      .map((word) => `'${word}'`)
      .join(" ")}`,
).join("\n")}
ask mynah say -o ''
complete -p mynah`;
    const lines = linesOf("bash", ["--norc", "-c", script]);
    expect(lines.slice(0, EXPECTED.length).map((line) => line.trim())).toEqual(EXPECTED.map(([, offered]) => offered));
    expect(lines.slice(EXPECTED.length).map((line) => line.trim())).toEqual([
      "",
      "complete -o default -F _mynah mynah",
      "",
    ]);
  });

  it.skipIf(!has("fish"))("completes the same in fish (skipped where there is none)", () => {
    const script = `source ${join(folder, "fish")}\n${EXPECTED.map(([line]) => `complete -C '${line}' | string split -f1 \\t | sort | string join ' '`).join("\n")}\ntrue`;
    const lines = linesOf("fish", ["--no-config", "-c", script]);
    expect(lines.slice(0, EXPECTED.length)).toEqual(EXPECTED.map(([, offered]) => offered));
  });

  it.skipIf(!has("zsh"))("completes the same in zsh (skipped where there is none)", () => {
    const script = `compdef() { : }; compadd() { shift; print -l -- "$@" | grep -- "^$cur" | sort | tr '\\n' ' ' }; _files() { : }
source ${join(folder, "zsh")}
ask() { words=("$@"); CURRENT=$#words; _mynah; print }
${EXPECTED.map(
  ([line]) =>
    `ask ${line
      .split(" ")
      .map((word) => `'${word}'`)
      .join(" ")}`,
).join("\n")}`;
    const lines = linesOf("zsh", ["-f", "-c", script]);
    expect(lines.slice(0, EXPECTED.length).map((line) => line.trim())).toEqual(EXPECTED.map(([, offered]) => offered));
  });
});

describe("mynah stats", () => {
  const stats = (delivered: number, hits: number, misses: number): StatsBody => ({
    uptimeMs: 3_700_000,
    requests: { delivered, failed: 0, refused: 0 },
    segments: { hits, misses, coalesced: 0, stale: 0, transcoded: 0, hitRate: hits / (hits + misses) },
    syntheses: { started: 0, finished: 0, failed: 0, running: 0 },
    saved: { bytes: 2e6, characters: 1234, audioSeconds: 61 },
    sockets: { open: 1, utterances: 0 },
    memory: { entries: 3, bytes: 1e6, maxBytes: 64e6 },
    engines: [],
  });

  it("tells rates between two looks, and a gateway that started anew as none", () => {
    const before = { atMs: 0, stats: stats(10, 5, 5) };
    expect(ratesBetween(before, { atMs: 2_000, stats: stats(30, 20, 10) })).toEqual({
      requests: 10,
      hitRate: 0.75,
      refused: 0,
    });
    expect(ratesBetween(before, { atMs: 2_000, stats: stats(0, 0, 0) })).toEqual({
      requests: 0,
      hitRate: undefined,
      refused: 0,
    });
  });

  it("draws them", () => {
    expect(sparkline([0, 5, 10], 40)).toBe("▁▅█");
    expect(sparkline([1, 2, 3], 2)).toBe("▆█");
    const lines = statsScreen(stats(30, 20, 10), [{ requests: 10, hitRate: 0.75, refused: 0 }], "http://x");
    expect(lines[0]).toBe("mynah http://x, up 1 h 1 min");
    expect(lines.join("\n")).toMatch(/now +10\.0\/s +█\n +hit rate +66\.7 % of segments, now 75\.0 %/);
  });
});
