import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { checkEngineConfig } from "../../src/engines/registry.ts";
import { type RunningGateway, runGateway } from "../support/gateway.ts";
import { shownBlocks, shownCommands } from "../support/shown-commands.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const ADMIN_KEY = "of-the-administrator";
const COMMANDS = shownCommands(ROOT);
const scripts = Object.keys(
  (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: object }).scripts,
);

/** What cannot be run here as it stands, and where its parts are. */
const ELSEWHERE: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/^npm ci && npm (start|test)$/, ".ci/run does, on a fresh clone"],
  [/^[A-Z_]+=\S+ .*npm start$/, "a server of its own, with options that are looked up below"],
  [/^npm install sherpa-onnx-node$/, "test-setup.ts does, beside the project"],
  [/^docker /, "deploy.test.ts runs what the image is made of, and reads compose.yaml"],
  [/^helm /, "deploy.test.ts renders the chart"],
  [/^npm ci && npm run build:page && node tools\/assemble-server\.ts/, "deploy.test.ts runs it"],
  [/^(install|systemctl) /, "deploy.test.ts has systemd read the unit"],
  [/^printf .*\| nc /, "wyoming.test.ts asks the same of its own socket"],
];
const isElsewhere = (command: string): boolean => ELSEWHERE.some(([pattern]) => pattern.test(command));

describe("commands that the documentation shows", () => {
  let gateway: RunningGateway;
  const folder = mkdtempSync(join(tmpdir(), "mynah-shown-"));
  beforeAll(async () => {
    gateway = await runGateway({ adminKey: ADMIN_KEY, allowAnonymous: true });
    writeFileSync(join(folder, "phrases.txt"), "One moment, please.\nThank you for waiting.\n");
    const bin = join(folder, "bin");
    mkdirSync(bin);
    const mynah = `exec '${process.execPath}' '${join(ROOT, "packages/gateway/bin/mynah.mjs")}'`;
    const programs = {
      // Fails where the gateway refuses, which curl by itself takes for success.
      curl: `exec /usr/bin/env -S PATH=/usr/local/bin:/usr/bin:/bin curl -sS --fail-with-body "$@"`,
      mynah: `${mynah} "$@"`,
      npx: `[ "$1" = mynah ] || exit 127; shift; ${mynah} "$@"`,
    };
    for (const [name, script] of Object.entries(programs)) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(bin, name), 0o755);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(
    COMMANDS.filter(({ command }) => !isElsewhere(command) && !command.startsWith("npm run ")).map((one) => [
      one.command,
      one.page,
    ]),
  )("%s", async (command) => {
    const here = command.replaceAll(/(127\.0\.0\.1|localhost):8080/g, `127.0.0.1:${gateway.port}`);
    const env = {
      PATH: `${join(folder, "bin")}${delimiter}${process.env.PATH}`,
      HOME: folder,
      PORT: String(gateway.port),
      KEY: ADMIN_KEY,
      ADMIN_KEY,
      MYNAH_KEY: ADMIN_KEY,
    };
    await run("sh", ["-ec", here], { cwd: folder, env });
  });

  it("of npm are scripts of ours", () => {
    const named = COMMANDS.flatMap(({ command }) => /^npm run (\S+)/.exec(command)?.[1] ?? []);
    expect(named.filter((name) => !scripts.includes(name))).toEqual([]);
    expect(named.length).toBeGreaterThan(3);
  });

  it("are many, and those that are run elsewhere are still shown", () => {
    expect(COMMANDS.length).toBeGreaterThan(20);
    const unused = ELSEWHERE.filter(([pattern]) => !COMMANDS.some(({ command }) => pattern.test(command)));
    expect(unused.map(([pattern]) => String(pattern))).toEqual([]);
  });
});

describe("configurations that the documentation shows", () => {
  const OURS = /^(engines|voices|keys|plans|tenants|pronunciations|text):/m;
  const blocks = shownBlocks(ROOT, "yaml").filter(({ text }) => OURS.test(text));

  it.each(blocks.map(({ page, text }) => [page, text]))("%s", (_, text) => {
    const file = join(mkdtempSync(join(tmpdir(), "mynah-config-")), "mynah.config.yaml");
    writeFileSync(file, text);
    const values = Object.fromEntries(
      [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => [name, "a-value-that-is-long-enough"]),
    );
    const { warnings } = loadConfig({ env: { ...values, MYNAH_CONFIG: file }, checkEngine: checkEngineConfig });
    expect(warnings).toEqual([]);
  });

  it("are several", () => expect(blocks.length).toBeGreaterThan(8));
});
