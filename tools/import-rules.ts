/**
 * Who may import whom in packages/gateway/src: ARCHITECTURE.md in a form that fails. Our own and not dependency-cruiser,
 * which reads TypeScript through the compiler's JavaScript API; TypeScript 7 has none.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";

const source = join(dirname(fileURLToPath(import.meta.url)), "../packages/gateway/src");

/** A room, and which others of ours it may import besides itself. */
const ROOMS: Record<string, readonly string[]> = {
  core: [],
  threads: ["core"],
  wording: ["core", "threads"], // what texts themselves are looked at with: patterns, languages
  resilience: ["core"],
  speech: ["core", "resilience"],
  engines: ["core", "threads"],
  audio: ["core", "threads"],
  redis: ["core"],
  stores: ["core", "redis"],
  limits: ["core", "redis"],
  observe: ["core"],
  workers: ["core"], // processes of one server talking to each other
  admin: ["core", "redis", "speech"],
  config: [],
  identity: ["core", "redis"],
  http: ["core", "speech", "identity"],
  ws: ["core", "speech", "identity", "http"],
  wyoming: ["core", "speech"], // plain TCP beside HTTP: nothing of http/ or of identity/ is of use to it
};
/** Vendor packages that only these rooms may touch: they are what its port hides. */
const OWNED: Record<string, string | readonly string[]> = {
  ioredis: "redis",
  fastify: "http",
  commander: "cli",
  "lru-cache": ["stores", "audio"],
  yaml: "config",
  jose: "identity",
  "@fastify/proxy-addr": "http",
  "@fastify/ajv-compiler": "http",
  "@fastify/fast-json-stringify-compiler": "http",
  ws: ["ws", "engines"],
  re2js: "wording",
  eld: "wording",
  "@opentelemetry/api": "observe",
  "@opentelemetry/core": "observe",
  "@opentelemetry/sdk-trace": "observe",
  "@opentelemetry/resources": "observe",
  "@opentelemetry/exporter-trace-otlp-http": "observe",
};
/** Files outside any room: composition roots and entry points, which may import everything. Nobody imports them but each other and cli/. */
const ROOTS = new Set([
  "access.ts",
  "app.ts",
  "compose.ts",
  "compose-admin.ts",
  "compose-dashboard.ts",
  "compose-engines.ts",
  "compose-metrics.ts",
  "compose-redis.ts",
  "compose-stats.ts",
  "compose-stores.ts",
  "compose-text.ts",
  "compose-traces.ts",
  "main.ts",
  "sockets.ts",
  "index.ts",
  "tts-manager.ts",
  "start-block.ts",
  "vendors.ts",
  "supervise.ts",
  "vendors.ts",
  "version.ts",
  "wyoming.ts",
]);
const ANYBODYS = new Set(["version.ts"]);

type Import = { readonly from: string; readonly to: string; readonly typeOnly: boolean };

const files = readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
  .map((file) => file.replaceAll(sep, "/"));
const imports = files.flatMap(importsOf);
const problems = [...imports.flatMap(judge), ...cycles(imports)];
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.stdout.write(`${files.length} files, ${imports.length} imports, ${problems.length} against the rules\n`);
process.exitCode = problems.length > 0 ? 1 : 0;

function importsOf(file: string): Import[] {
  const { module } = parseSync(file, readFileSync(join(source, file), "utf8"));
  const found = module.staticImports.map(({ moduleRequest, entries }) => ({
    to: moduleRequest.value,
    typeOnly: entries.length > 0 && entries.every(({ isType }) => isType),
  }));
  for (const { entries } of module.staticExports) {
    for (const { moduleRequest, isType } of entries)
      if (moduleRequest) found.push({ to: moduleRequest.value, typeOnly: isType });
  }
  return found.map(({ to, typeOnly }) => ({ from: file, to: to.startsWith(".") ? resolved(file, to) : to, typeOnly }));
}

function resolved(file: string, to: string): string {
  return relative(source, resolve(source, dirname(file), to)).replaceAll(sep, "/");
}

function judge({ from, to }: Import): string[] {
  const room = roomOf(from);
  if (!files.includes(to)) return judgePackage(from, room, to);
  if (ROOTS.has(to)) {
    return ANYBODYS.has(to) || ROOTS.has(from) || room === "cli" ? [] : [`${from}: imports the composition root ${to}`];
  }
  const target = roomOf(to);
  if (room === undefined || room === "cli" || room === target) return [];
  const allowed = ROOMS[room];
  if (allowed === undefined)
    return [`${from}: the room ${room}/ has no rule; add it to tools/import-rules.ts and ARCHITECTURE.md`];
  return allowed.includes(target ?? "") ? [] : [`${from}: ${room}/ may not import ${to}`];
}

function judgePackage(from: string, room: string | undefined, to: string): string[] {
  if (to.startsWith("../")) return []; // package.json, JSON data
  if (room === "core") return [`${from}: core/ imports nothing, not even ${to}`];
  const name = to.startsWith("@") ? to.split("/", 2).join("/") : to.split("/", 1)[0]!;
  const owners = [OWNED[name] ?? []].flat();
  if (owners.length === 0 || room === undefined || owners.includes(room)) return [];
  return [`${from}: only ${owners.join("/ and ")}/ may import ${name}`];
}

function roomOf(file: string): string | undefined {
  return file.includes("/") ? file.split("/", 1)[0] : undefined;
}

/** Rings of files that need each other to load; types do not load. */
function cycles(all: readonly Import[]): string[] {
  const next = Map.groupBy(
    all.filter(({ typeOnly, to }) => !typeOnly && files.includes(to)),
    ({ from }) => from,
  );
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) {
      found.push(`cycle: ${[...path.slice(start), file].join(" → ")}`);
      return;
    }
    if (done.has(file)) return;
    for (const { to } of next.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  return found;
}
