export type RedisAddress = {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly tls: boolean;
  readonly username: string;
  readonly password: string;
} & (
  | { readonly kind: "single"; readonly db: number }
  | { readonly kind: "sentinel"; readonly masterName: string; readonly db: number }
  | { readonly kind: "cluster" }
);

const HOW_TO_WRITE =
  "REDIS_URL: write redis://[user:password@]host:port[/db], rediss://…, " +
  "redis+sentinel://host:port,host:port/master-name[/db] or redis+cluster://host:port,host:port";
const SHAPE = /^(rediss?)(\+sentinel|\+cluster)?:\/\/(?:([^@/:]*)(?::([^@/]*))?@)?([^@/?#]+)(?:\/([^?#]*))?$/;
const NODE = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i;
const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26379;

/**
 * What a `REDIS_URL` names; several hosts are separated by commas. By hand, because no URL parser takes several hosts.
 * Throws a TypeError that shows how to write one, and nothing of what was written: there may be a password in it.
 */
export function parseRedisUrl(url: string): RedisAddress {
  const [, scheme, many, username = "", password = "", hosts = "", path = ""] = SHAPE.exec(url) ?? refuse();
  const isSentinel = many === "+sentinel";
  const nodes = hosts.split(",").map((host) => nodeIn(host, isSentinel ? DEFAULT_SENTINEL_PORT : DEFAULT_PORT));
  const common = { nodes, tls: scheme === "rediss", username: decoded(username), password: decoded(password) };
  const parts = path === "" ? [] : path.split("/");
  if (isSentinel) {
    const [masterName = "", db = "0", ...rest] = parts;
    if (masterName === "" || rest.length > 0) refuse();
    return { ...common, kind: "sentinel", masterName: decoded(masterName), db: dbIn(db) };
  }
  const [db = "0", ...rest] = parts;
  if (rest.length > 0) refuse();
  if (many === "+cluster") return dbIn(db) === 0 ? { ...common, kind: "cluster" } : refuse();
  return nodes.length === 1 ? { ...common, kind: "single", db: dbIn(db) } : refuse();
}

function nodeIn(text: string, defaultPort: number): { host: string; port: number } {
  const [, host = "", port] = NODE.exec(text) ?? refuse();
  const number = port === undefined ? defaultPort : Number(port);
  if (number < 1 || number > 65_535) refuse();
  return { host: host.replace(/^\[|\]$/g, ""), port: number };
}

function dbIn(text: string): number {
  return /^\d{1,4}$/.test(text) ? Number(text) : refuse();
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse();
  }
}

function refuse(): never {
  throw new TypeError(HOW_TO_WRITE);
}
