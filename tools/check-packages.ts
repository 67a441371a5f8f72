/**
 * Packs what would be published and looks at the tarballs as strangers would: publint, attw, and a program that installs them,
 * compiles against their types and runs.  node tools/check-packages.ts
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { buildPackages } from "./build-packages.ts";

const ROOT = join(import.meta.dirname, "..");

/** Everything that is wrong, in words; nothing, if all is well. */
export async function checkPackages(): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "mynah-packages-"));
  try {
    const problems: string[] = [];
    for (const { name, directory } of buildPackages()) {
      const tarball = pack(directory, folder);
      const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Record<string, unknown>;
      const { buffer, byteOffset, byteLength } = readFileSync(tarball);
      const { messages } = await publint({
        pack: { tarball: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer },
        strict: true,
      });
      problems.push(...messages.map((message) => `${name}: publint: ${formatMessage(message, manifest)}`));
      const attw = join(ROOT, "node_modules/@arethetypeswrong/cli/dist/index.js");
      const types = run(process.execPath, [attw, tarball, "--profile", "esm-only", "--no-color", "--format", "ascii"]);
      if (types.status !== 0) problems.push(`${name}: attw:\n${types.output}`);
      const target = join(folder, "node_modules", name);
      mkdirSync(target, { recursive: true });
      run("tar", ["-xzf", tarball, "-C", target, "--strip-components=1"]);
    }
    return [...problems, ...tryAsStranger(folder)];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function pack(directory: string, into: string): string {
  const { output, status } = run("npm", ["pack", "--silent", "--pack-destination", into], directory);
  if (status !== 0) throw new Error(`npm pack: ${output}`);
  return join(into, output.trim().split("\n").at(-1) ?? "");
}

const PROGRAM = `import { connect, createClient, MynahError, type Utterance, type UtteranceEnd } from "@mynah/client";
import { canStream, type Playback } from "@mynah/client/player";
import { AUDIO_FORMATS, type ServerMessage } from "@mynah/protocol";
const socket = connect({ baseUrl: "http://127.0.0.1:9", backoff: { minMs: 1, maxAttempts: 1 } });
const spoken: Utterance = socket.speak({ text: "Hello.", voice: "alloy", words: true });
const told: Promise<UtteranceEnd | string> = spoken.done.catch((error: unknown) => (error instanceof MynahError ? error.code : "?"));
const ready: Extract<ServerMessage, { type: "ready" }> | undefined = undefined;
const playback: Playback | undefined = undefined;
// @ts-expect-error: a text is needed
createClient({ baseUrl: "http://127.0.0.1:9" }).speak({ voice: "alloy" }).catch(() => {});
console.log(await told, canStream("pcm"), AUDIO_FORMATS.length, ready, playback);
await socket.close();
`;

/** What the snippets of docs/client.md take for granted. */
const DOCS_PRELUDE = `import { connect, createClient, MynahError, type Utterance } from "@mynah/client";
import { canStream, createPlayer, type Playback } from "@mynah/client/player";
declare const client: ReturnType<typeof createClient>, socket: ReturnType<typeof connect>, utterance: Utterance;
declare const playback: Playback, button: HTMLButtonElement, WsWebSocket: typeof WebSocket;
declare const model: { stream(question: string): AsyncIterable<{ text: string }> };
`;

/** The snippets of a page, each in a scope of its own, as one program. */
function snippets(page: string): string {
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) =>
    code.replaceAll(/^import .*\n/gm, ""),
  );
  return `${DOCS_PRELUDE}${blocks.map((code, at) => `async function snippet${at}() {\n${code}}\n`).join("")}`;
}

function tryAsStranger(folder: string): string[] {
  writeFileSync(join(folder, "docs.ts"), snippets(readFileSync(join(ROOT, "docs/client.md"), "utf8")));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "program.ts"), PROGRAM);
  const tsc = [
    join(ROOT, "node_modules/typescript/bin/tsc"),
    "program.ts",
    "docs.ts",
    "--strict",
    "--target",
    "es2022",
    "--types",
    "",
  ];
  const problems: string[] = [];
  for (const kind of [
    ["--module", "esnext", "--moduleResolution", "bundler"],
    ["--module", "nodenext"],
  ]) {
    const { status, output } = run(
      process.execPath,
      [...tsc, "--lib", "es2022,dom,dom.asynciterable", ...kind],
      folder,
    );
    if (status !== 0) problems.push(`a program with ${kind.join(" ")} does not compile:\n${output}`);
  }
  const { output } = run(process.execPath, ["program.js"], folder);
  if (output !== "unreachable true 6 undefined undefined\n") problems.push(`a program does not run: ${output}`);
  return problems;
}

function run(program: string, args: readonly string[], cwd = ROOT): { status: number | null; output: string } {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: "utf8" });
  if (error) throw error;
  return { status, output: stdout || stderr };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const problems = await checkPackages();
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  process.stdout.write(problems.length === 0 ? "the packages are well\n" : "");
  process.exitCode = problems.length === 0 ? 0 : 1;
}
