import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type ReverseProxy = { readonly url: string; stop(): Promise<void> };

const DEPLOY = new URL("../../../../deploy/proxies/", import.meta.url);

/** The path of a program that may be missing. */
export function programAt(name: string): string | undefined {
  try {
    return execFileSync("sh", ["-c", `PATH=$PATH:/usr/sbin command -v ${name}`], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

/** nginx with deploy/proxies/nginx.conf, in front of these gateways. */
export async function startNginx(program: string, ports: readonly [number, number]): Promise<ReverseProxy> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "mynah-nginx-"));
  const ours = addressed(readFileSync(new URL("nginx.conf", DEPLOY), "utf8"), ports).replace(
    "listen 80;",
    `listen 127.0.0.1:${port};`,
  );
  writeFileSync(join(folder, "mynah.conf"), ours);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder};`);
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr error;
     events {} http { access_log off; ${paths.join(" ")} include ${folder}/mynah.conf; }`,
  );
  const child = spawn(program, ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return running(child, port, folder);
}

/** An nginx that keeps what its origin says may be kept, as a CDN does; `X-Cache` tells what it did. */
export async function startCachingNginx(program: string, origin: string): Promise<ReverseProxy> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "mynah-cdn-"));
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/temp;`);
  writeFileSync(
    join(folder, "nginx.conf"),
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit; # one process: it keeps this user, whose cache it is
     events {} http {
       access_log off; ${paths.join(" ")}
       proxy_cache_path ${folder}/cache keys_zone=audio:1m use_temp_path=off;
       server {
         listen 127.0.0.1:${port};
         location / {
           proxy_pass ${origin}; proxy_http_version 1.1;
           proxy_cache audio; proxy_cache_lock on; proxy_cache_revalidate on;
           add_header X-Cache $upstream_cache_status always;
         }
       }
     }`,
  );
  const child = spawn(program, ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return running(child, port, folder);
}

/** Caddy with deploy/proxies/Caddyfile, without TLS, in front of these gateways. */
export async function startCaddy(program: string, ports: readonly [number, number]): Promise<ReverseProxy> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "mynah-caddy-"));
  const ours = addressed(readFileSync(new URL("Caddyfile", DEPLOY), "utf8"), ports).replace(
    "speech.example.com {",
    `http://127.0.0.1:${port} {`,
  );
  writeFileSync(join(folder, "Caddyfile"), `{\n\tadmin off\n}\n${ours}`);
  const child = spawn(program, ["run", "--config", join(folder, "Caddyfile"), "--adapter", "caddyfile"], {
    stdio: "ignore",
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  });
  return running(child, port, folder);
}

function addressed(config: string, [first, second]: readonly [number, number]): string {
  const result = config
    .replaceAll("gateway-1:8080", `127.0.0.1:${first}`)
    .replaceAll("gateway-2:8080", `127.0.0.1:${second}`);
  if (result === config) throw new Error("the configuration names no gateway-1:8080");
  return result;
}

async function running(child: ChildProcess, port: number, folder: string): Promise<ReverseProxy> {
  const ended = once(child, "exit");
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    if (child.exitCode !== null || tries > 300) throw new Error("the proxy did not start");
    const answer = await fetch(`${url}/healthz`).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.status === 200) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    url,
    async stop() {
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
