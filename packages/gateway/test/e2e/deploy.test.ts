import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments, parse as parseYaml } from "yaml";
import { OPTIONS } from "../../src/config/options.ts";
import { type RenderOptions, renderChart } from "../support/helm-template.ts";
import { programAt } from "../support/reverse-proxy.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const CHART = join(ROOT, "deploy/helm/mynah");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const KNOWN = new Set<string>(Object.values(OPTIONS).map(({ env }) => env));

type Resource = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  // biome-ignore lint/suspicious/noExplicitAny: its shape is checked by the compiler, below
  readonly spec: any;
  readonly data: Record<string, string>;
};

const VARIANTS: Readonly<Record<string, RenderOptions["values"]>> = {
  "as it is": {},
  everything: {
    redis: { mode: "external", external: { url: "rediss://redis.example:6380", stateUrl: "redis://state.example" } },
    autoscaling: { enabled: true },
    ingress: { enabled: true, className: "nginx", tlsSecret: "tls", annotations: { a: "b" } },
    auth: { allowAnonymous: true, apiKeys: "ann=0123456789abcdef", adminKey: "mine" },
    config: { engines: [{ name: "flite", type: "flite" }], voices: { alloy: { flite: "slt" } } },
    extraEnv: [{ name: "KOKORO_KEY", valueFrom: { secretKeyRef: { name: "engines", key: "kokoro" } } }],
    imagePullSecrets: [{ name: "registry" }],
    podAnnotations: { "example.com/a": "b" },
    tolerations: [{ key: "speech", operator: "Exists" }],
    nodeSelector: { disk: "fast" },
    affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [] } },
    service: { annotations: { a: "b" }, type: "LoadBalancer" },
  },
  "without Redis": {
    redis: { mode: "none" },
    auth: { existingSecret: "mine" },
    serviceAccount: { create: false },
    podDisruptionBudget: { enabled: false },
    topologySpread: false,
  },
  "Redis without a volume": { redis: { bundled: { state: { persistence: { enabled: false } } } } },
};
const rendered = (values: RenderOptions["values"], options: Omit<RenderOptions, "values"> = {}): Resource[] =>
  [...renderChart(CHART, { ...options, ...(values && { values }) })]
    .filter(([file]) => file.endsWith(".yaml"))
    .flatMap(([, text]) => parseAllDocuments(text))
    .map((document) => {
      expect(document.errors).toEqual([]);
      return document.toJS() as Resource | null;
    })
    .filter((resource) => resource !== null);

describe("the Helm chart", () => {
  it("makes resources that Kubernetes knows, field for field", () => {
    // The compiler finds what no schema validator at hand does: a field that does not exist where it stands.
    const resources = Object.values(VARIANTS).flatMap((values) => rendered(values));
    const lines = resources.map(({ apiVersion, kind, ...rest }, at) => {
      const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["core", apiVersion];
      const type = `import("kubernetes-types/${group!.replace(".k8s.io", "")}/${version}").${kind}`;
      return `export const r${at}: ${type} = ${JSON.stringify({ apiVersion, kind, ...rest })};`;
    });
    const folder = join(ROOT, ".cache");
    mkdirSync(folder, { recursive: true });
    const file = join(folder, "manifests.ts");
    writeFileSync(file, lines.join("\n"));
    expect(compiled(file)).toBe("");
    expect(resources.length).toBeGreaterThan(25);
    // And that it would have found one.
    writeFileSync(file, lines.join("\n").replace('"maxUnavailable":1', '"maxUnavailabel":1'));
    expect(compiled(file)).toContain("maxUnavailabel");
    rmSync(file);
  });

  it.each(Object.entries(VARIANTS))("%s: names lead to something", (_, values) => {
    const resources = rendered(values);
    const named = (kind: string): Resource[] => resources.filter((resource) => resource.kind === kind);
    const names = resources.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    const workloads = [...named("Deployment"), ...named("StatefulSet")];
    const pods = workloads.map(({ spec }) => spec.template);
    const fits = (selector: Record<string, string>, labels: Record<string, string>): boolean =>
      Object.entries(selector).every(([label, value]) => labels[label] === value);
    for (const { spec } of workloads) expect(fits(spec.selector.matchLabels, spec.template.metadata.labels)).toBe(true);
    for (const { metadata, spec } of named("Service")) {
      const behind = pods.filter((pod) => fits(spec.selector, pod.metadata.labels));
      expect([metadata.name, behind.length]).toEqual([metadata.name, 1]);
      const ports = behind[0].spec.containers[0].ports.map(({ name }: { name: string }) => name);
      for (const { targetPort } of spec.ports) expect(ports).toContain(targetPort);
    }
    for (const { spec } of named("PodDisruptionBudget"))
      expect(pods.filter((pod) => fits(spec.selector.matchLabels, pod.metadata.labels))).toHaveLength(1);
    for (const { spec } of named("HorizontalPodAutoscaler"))
      expect(names).toContain(`Deployment/${spec.scaleTargetRef.name}`);
    for (const { spec } of named("Ingress"))
      expect(names).toContain(`Service/${spec.rules[0].http.paths[0].backend.service.name}`);

    const { spec } = named("Deployment")[0]!;
    const [gateway] = spec.template.spec.containers;
    const environment = [...gateway.env, ...Object.keys(named("Secret")[0]?.data ?? {}).map((name) => ({ name }))];
    const unknown = environment.map(({ name }: { name: string }) => name).filter((name) => !KNOWN.has(name));
    expect(unknown.filter((name) => name !== "KOKORO_KEY")).toEqual([]);
    for (const { name, value } of gateway.env as { name: string; value?: string }[]) {
      const [, host] = /^redis:\/\/(mynah-[a-z]+):/.exec(value ?? "") ?? [];
      if (host !== undefined) expect([name, names.includes(`Service/${host}`)]).toEqual([name, true]);
    }
    const volumes = spec.template.spec.volumes.map(({ name }: { name: string }) => name);
    for (const { name } of gateway.volumeMounts) expect(volumes).toContain(name);
    // Longer than what happens between "stop" and the end: hearing of it, running answers.
    const grace = Number(gateway.env.find(({ name }: { name: string }) => name === "SHUTDOWN_GRACE_MS").value);
    expect(spec.template.spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(grace + 5_000);
  });

  it("keeps what was made at the first install, and what was given", () => {
    const secrets = { mynah: { data: { ADMIN_KEY: "b2xk", SIGNING_SECRET: "b2xkZXI=" } } };
    const { data } = rendered({ auth: { metricsKey: "given" } }, { secrets }).find(({ kind }) => kind === "Secret")!;
    expect(data).toEqual({ ADMIN_KEY: "b2xk", SIGNING_SECRET: "b2xkZXI=", METRICS_KEY: btoa("given") });
  });

  it("says what is missing", () => {
    expect(() => rendered({ redis: { mode: "external" } })).toThrow("redis.external.url: the address of your Redis");
    expect(() => rendered({ redis: { mode: "cluster" } })).toThrow("one of bundled, external, none");
  });

  it.skipIf(programAt("helm") === undefined)("is rendered by Helm itself to the same", () => {
    execFileSync("helm", ["lint", "--strict", CHART]);
    const text = execFileSync("helm", [
      "template",
      "mynah",
      CHART,
      "--set",
      "auth.adminKey=a,auth.metricsKey=b,auth.signingSecret=c",
    ]);
    const theirs = parseAllDocuments(text.toString()).map((document) => document.toJS() as Resource);
    const ours = rendered({ auth: { adminKey: "a", metricsKey: "b", signingSecret: "c" } });
    const sorted = (resources: Resource[]): string[] => resources.map((resource) => JSON.stringify(resource)).sort();
    expect(sorted(theirs).map((one) => one.replaceAll(/"checksum[^,}]*/g, ""))).toEqual(
      sorted(ours).map((one) => one.replaceAll(/"checksum[^,}]*/g, "")),
    );
  });

  function compiled(file: string): string {
    const flags = ["--noEmit", "--strict", "--skipLibCheck", "--module", "esnext", "--moduleResolution", "bundler"];
    try {
      execFileSync(join(ROOT, "node_modules/.bin/tsc"), [...flags, "--types", "", "--ignoreConfig", file]);
      return "";
    } catch (error) {
      return (error as { stdout: Buffer }).stdout.toString();
    }
  }
});

describe("compose.yaml", () => {
  type Service = {
    readonly environment?: Record<string, string>;
    readonly volumes?: readonly string[];
    readonly depends_on?: readonly string[];
    readonly ports?: readonly string[];
    readonly configs?: readonly { readonly source: string }[];
  };
  const compose = parseYaml(read("compose.yaml"), { merge: true }) as {
    readonly services: Readonly<Record<string, Service>>;
    readonly volumes: Readonly<Record<string, unknown>>;
    readonly configs: Readonly<Record<string, unknown>>;
  };

  it("names options, files, volumes and services that exist", () => {
    const { services, volumes, configs } = compose;
    expect(Object.keys(services["gateway-1"]!.environment!).filter((name) => !KNOWN.has(name))).toEqual([]);
    expect(services["gateway-2"]).toEqual(services["gateway-1"]);
    for (const { volumes: mounts = [], depends_on = [], configs: used = [] } of Object.values(services)) {
      for (const source of mounts.map((mount) => mount.split(":")[0]!))
        expect([source, source.startsWith(".") ? existsSync(join(ROOT, source)) : source in volumes]).toEqual([
          source,
          true,
        ]);
      for (const name of depends_on) expect(Object.keys(services)).toContain(name);
      for (const { source } of used) expect(Object.keys(configs)).toContain(source);
    }
  });

  it("opens ports to this machine alone", () => {
    const ports = Object.values(compose.services).flatMap(({ ports = [] }) => ports);
    expect(ports.filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([]);
    expect(ports).toHaveLength(2);
  });

  it("has Prometheus ask each gateway, under the name that alerts and dashboard go by", () => {
    const { scrape_configs: jobs, rule_files: rules } = parseYaml(read("deploy/compose/prometheus.yml"));
    expect(jobs[0].job_name).toBe("mynah");
    expect(jobs[0].static_configs[0].targets).toEqual(["gateway-1:8080", "gateway-2:8080"]);
    expect(rules).toEqual(["mynah-alerts.yaml"]);
    const { providers } = parseYaml(read("deploy/compose/grafana-dashboards.yaml"));
    expect(compose.services.grafana!.volumes).toContain(`./deploy/grafana:${providers[0].options.path}:ro`);
  });

  it.skipIf(programAt("promtool") === undefined)("has a configuration that promtool accepts", () => {
    const folder = mkdtempSync(join(tmpdir(), "mynah-prometheus-"));
    const config = read("deploy/compose/prometheus.yml").replace("/etc/prometheus/metrics-key", "metrics-key");
    writeFileSync(join(folder, "prometheus.yml"), config);
    writeFileSync(join(folder, "metrics-key"), "key");
    writeFileSync(join(folder, "mynah-alerts.yaml"), read("deploy/prometheus/alerts.yaml"));
    execFileSync("promtool", ["check", "config", join(folder, "prometheus.yml")], { stdio: "pipe" });
    rmSync(folder, { recursive: true });
  });
});

describe("the image", () => {
  const dockerfile = read("Dockerfile");
  const instructions = dockerfile.replaceAll(/\\\n/g, "").split("\n");
  const argumentsOf = (name: string): string[] =>
    instructions.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  const folder = mkdtempSync(join(tmpdir(), "mynah-image-"));
  const server = join(folder, "server");
  let child: ChildProcess | undefined;
  let port = 0;
  let log = "";

  beforeAll(async () => {
    // What the first stage runs, but for `npm ci`, which whoever runs the tests has run.
    const commands = argumentsOf("RUN").filter((command) => command.startsWith("node "));
    expect(commands).toEqual(["node tools/ensure-page.ts", "node tools/assemble-server.ts /server"]);
    for (const command of commands) {
      const [program = "", ...args] = command.replace("/server", server).split(" ");
      execFileSync(program === "node" ? process.execPath : program, args, { cwd: ROOT });
    }
    chmodSync(folder, 0o755);
  });
  afterAll(() => {
    child?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  /** A program of the image in its own environment: another user where we may choose one, and nothing of ours. */
  function run(args: readonly string[], more: Record<string, string> = {}): ChildProcess {
    const settings = argumentsOf("ENV")[0]!
      .split(" ")
      .map((pair) => pair.split("=") as [string, string]);
    const compose = parseYaml(read("compose.yaml"), { merge: true }) as {
      services: Record<string, { environment: Record<string, string> }>;
    };
    const environment = Object.entries(compose.services["gateway-1"]!.environment).map(
      ([name, value]) => [name, value.replace(/^\$\{\w+:-(.*)\}$/, "$1")] as const,
    );
    const [uid = 0, gid = 0] = argumentsOf("USER")[0]!.split(":").map(Number);
    return spawn(
      process.execPath,
      args.map((one) => one.replace("/server", server)),
      {
        cwd: tmpdir(),
        stdio: ["ignore", "pipe", "pipe"],
        ...(process.getuid?.() === 0 && { uid, gid }),
        // No Redis answers to these names; a gateway must start and speak all the same.
        env: { ...Object.fromEntries([...settings, ...environment]), ...more, PATH: "/usr/bin:/bin" },
      },
    );
  }
  const json = (name: string): string[] => JSON.parse(argumentsOf(name)[0]!.replace(/^.*? CMD /, "")) as string[];
  const entry = json("ENTRYPOINT").slice(1);
  const check = async (): Promise<number | null> => {
    const [code] = (await once(run(json("HEALTHCHECK").slice(1), { PORT: String(port) }), "exit")) as [number | null];
    return code;
  };

  it("starts as a user without rights, is healthy, shows its page and speaks in every format", async () => {
    child = run([...entry, ...json("CMD")], { PORT: "0" });
    child.stdout!.on("data", (chunk: Buffer) => (log += chunk.toString()));
    child.stderr!.on("data", (chunk: Buffer) => (log += chunk.toString()));
    while (port === 0) {
      if (child.exitCode !== null) throw new Error(`it ended: ${log}`);
      port = Number(/http:\/\/[\d.]+:(\d+)\/\s/.exec(log)?.[1] ?? 0);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await check()).toBe(0);
    const url = `http://127.0.0.1:${port}`;
    expect(await (await fetch(url)).text()).toContain("<title>Mynah");
    for (const response_format of ["mp3", "opus", "aac", "flac", "wav", "pcm"]) {
      const body = JSON.stringify({ model: "tts-1", voice: "alloy", input: "From an image.", response_format });
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${url}/v1/audio/speech`, { method: "POST", headers, body });
      expect([response_format, response.status]).toEqual([response_format, 200]);
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(2_000);
    }
  });

  it("ends with 0 when it is told to stop, and then is not healthy", async () => {
    const ended = once(child!, "exit");
    child!.kill(argumentsOf("STOPSIGNAL")[0] as NodeJS.Signals);
    expect(await ended).toEqual([0, null]);
    expect(await check()).toBe(1);
  });

  it("holds nothing that only development needs, and every licence", () => {
    const entries = readdirSync(server, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const files = entries.map(({ parentPath, name }) => join(parentPath, name));
    expect(files.filter((file) => /\.test\.ts$|\/vitest\/|\/typescript\/|\/playwright-core\//.test(file))).toEqual([]);
    expect(files.filter((file) => /\/licen[cs]e/i.test(file)).length).toBeGreaterThan(50);
    const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
    expect(bytes).toBeLessThan(110e6);
  });
});

describe("the systemd unit", () => {
  it.skipIf(programAt("systemd-analyze") === undefined)("is one, and gives away little", () => {
    const unit = join(mkdtempSync(join(tmpdir(), "mynah-unit-")), "mynah.service");
    // The program that it starts is not installed here.
    writeFileSync(unit, read("deploy/systemd/mynah.service").replace("/usr/bin/node", "/bin/true"));
    const options = { encoding: "utf8", stdio: "pipe" } as const;
    expect(execFileSync("systemd-analyze", ["verify", unit], options)).toBe("");
    expect(execFileSync("systemd-analyze", ["security", "--offline=true", "--threshold=25", unit], options)).toContain(
      "OK",
    );
  });
});
