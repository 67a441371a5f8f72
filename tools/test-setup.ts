/**
 * Finds what the tests need beside npm packages, installs what is missing where that is possible, and then runs the
 * given command with the environment the tests expect:  node tools/test-setup.ts -- vitest run
 */
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";

type Tool = {
  readonly what: string;
  /** Any of these programs will do. */
  readonly programs: readonly string[];
  /** Debian's packages that have one of them; the first that installs wins. */
  readonly packages: readonly string[];
  /** Without it there is nothing to test. Others: their tests are skipped. */
  readonly needed: boolean;
};

const TOOLS: readonly Tool[] = [
  {
    what: "Redis",
    programs: ["redis-server", "valkey-server"],
    packages: ["redis-server", "valkey-server"],
    needed: true,
  },
  { what: "ffmpeg", programs: ["ffmpeg"], packages: ["ffmpeg"], needed: false },
  { what: "ffprobe", programs: ["ffprobe"], packages: ["ffmpeg"], needed: false },
  { what: "opusdec", programs: ["opusdec"], packages: ["opus-tools"], needed: false },
  { what: "flac", programs: ["flac"], packages: ["flac"], needed: false },
  { what: "nginx", programs: ["nginx"], packages: ["nginx"], needed: false },
  { what: "Caddy", programs: ["caddy"], packages: ["caddy"], needed: false },
  {
    what: "Chromium",
    programs: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
    packages: ["chromium"],
    needed: false,
  },
];

const ROOT = join(import.meta.dirname, "..");
/**
 * GPL-3, or with GPL-3 inside, and therefore never dependencies: the tests load them from outside of the project, the way
 * an operator would. Each with the variable that tells the tests where it is.
 */
const OPTIONAL = [
  { name: "@echogarden/espeak-ng-emscripten", version: "0.3.5", variable: "MYNAH_TEST_ESPEAK_MODULE" },
  { name: "sherpa-onnx-node", version: "1.13.8", variable: "MYNAH_TEST_SHERPA_MODULE" },
] as const;
/** A folder each: npm takes away what a folder's package.json does not name. */
const OPTIONAL_FOLDER = join(ROOT, ".cache", "optional");
const INSTALL_TIMEOUT_MS = 10 * 60_000;

function pathTo(program: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/bin", "/usr/bin"];
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isMissing({ programs }: Tool): boolean {
  return !programs.some(pathTo);
}

/** With its output on the terminal: an installation that says nothing looks like a hang. */
function run(command: string, args: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  return spawnSync(command, args, { stdio: "inherit", env, timeout: INSTALL_TIMEOUT_MS }).status === 0;
}

function installWithApt(missing: readonly Tool[]): void {
  if (process.getuid?.() !== 0 || !pathTo("apt-get")) return;
  console.log(`test-setup: installing ${namesOf(missing)} with apt-get`);
  run("apt-get", ["update"]);
  for (const tool of missing) {
    for (const name of tool.packages) {
      // One package at a time: one that this system does not have must not keep the others away.
      if (isMissing(tool)) run("apt-get", ["install", "-y", "--no-install-recommends", name]);
    }
  }
}

/** True if there is all that the tests cannot do without. */
function setUpTools(): boolean {
  const missing = TOOLS.filter(isMissing);
  if (missing.length > 0) installWithApt(missing);
  const still = missing.filter(isMissing);
  if (still.length === 0) return true;
  const packages = [...new Set(still.map((tool) => tool.packages[0]))].join(" ");
  console.log(
    `test-setup: missing ${namesOf(still)}; install with: apt-get install --no-install-recommends ${packages}`,
  );
  return !still.some((tool) => tool.needed);
}

function namesOf(tools: readonly Tool[]): string {
  return tools.map(({ what, needed }) => (needed ? `${what} (needed)` : what)).join(", ");
}

/** The entry file of an optional package, installed beside the project at the first run; undefined if that fails. */
function setUpOptional({ name, version }: (typeof OPTIONAL)[number]): string | undefined {
  const folder = join(OPTIONAL_FOLDER, name.replaceAll("/", "-"));
  const manifest = join(folder, "node_modules", name, "package.json");
  if (!existsSync(manifest)) {
    console.log(`test-setup: installing ${name}@${version} for the tests`);
    const npm = [
      "install",
      "--no-save",
      "--no-audit",
      "--no-fund",
      "--fetch-retries=1",
      "--fetch-timeout=20000",
      "--prefix",
      folder,
      `${name}@${version}`,
    ];
    if (!run("npm", npm)) console.log(`test-setup: ${name} is missing; its tests are skipped`);
  }
  try {
    return createRequire(manifest).resolve(name);
  } catch {
    return undefined;
  }
}

function main(args: readonly string[]): void {
  if (!setUpTools()) process.exit(1);
  const optional = OPTIONAL.map((one) => [one.variable, setUpOptional(one)] as const);
  const [command, ...rest] = args[0] === "--" ? args.slice(1) : args;
  if (!command) return;
  const bin = join(ROOT, "node_modules", ".bin");
  const env = {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env.PATH ?? ""}`,
    ...Object.fromEntries(optional.filter(([, path]) => path !== undefined)),
  };
  const child = spawn(command, rest, { stdio: "inherit", env });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(`test-setup: ${command}: ${error.message}`);
    process.exit(127);
  });
  child.on("exit", (code) => process.exit(code ?? 1));
}

main(process.argv.slice(2));
