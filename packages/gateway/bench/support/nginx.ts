/** nginx with one worker on the first core: a file, and the same behind its own proxy cache. Undefined where it is not installed. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export type Nginx = { readonly port: number; stop(): void };

export async function startNginx(bytes: number, cached: boolean): Promise<Nginx | undefined> {
  if (spawnSync("nginx", ["-v"]).error !== undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "mynah-nginx-"));
  const [port, origin] = await Promise.all([freePort(), freePort()]);
  chmodSync(folder, 0o755); // started by root, its workers are somebody else
  mkdirSync(join(folder, "www"));
  writeFileSync(join(folder, "www", "audio"), Buffer.alloc(bytes, 7));
  const files = (at: number): string =>
    `server { listen 127.0.0.1:${at}; root ${folder}/www; default_type audio/mpeg; }`;
  const proxy = `proxy_cache_path ${folder}/cache keys_zone=c:10m; server { listen 127.0.0.1:${port};
    location / { proxy_cache c; proxy_cache_valid 200 1h; proxy_pass http://127.0.0.1:${origin}; } } ${files(origin)}`;
  writeFileSync(
    join(folder, "nginx.conf"),
    `worker_processes 1; daemon off; pid ${folder}/pid; error_log stderr crit; events { worker_connections 4096; }
    http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=100;
    client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
    ${cached ? proxy : files(port)} }`,
  );
  const child = spawn("nginx", ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"], { stdio: "ignore" });
  await sleep(500);
  for (const pid of execFileSync("ps", ["-o", "pid=", "--ppid", String(child.pid)], { encoding: "utf8" })
    .split(/\s+/)
    .filter(Boolean))
    spawnSync("taskset", ["-c", "-p", "0", pid]);
  return {
    port,
    stop() {
      child.once("exit", () => rmSync(folder, { recursive: true, force: true }));
      child.kill();
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
