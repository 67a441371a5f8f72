import { type Config, ConfigError } from "../config/config.ts";
import { SpeechError } from "../core/errors.ts";

export type GatewayOptions = { readonly url?: string; readonly key?: string };

export type GatewayClient = {
  readonly base: string;
  /** The answer's JSON. Throws a ConfigError that says what to do when there is no gateway, or it wants another key. */
  ask<Body>(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown): Promise<Body>;
};

const TIMEOUT_MS = 10_000;

/** A running gateway, asked by the command line. */
export function gatewayClient({ url, key }: GatewayOptions, config: Config, advice = ""): GatewayClient {
  const local = config.host === "0.0.0.0" ? "127.0.0.1" : config.host;
  const base = (url ?? `http://${local}:${config.port}`).replace(/\/+$/, "");
  const own = config.adminKey?.startsWith("sha256:") ? undefined : config.adminKey;
  const secret = key ?? own;
  const hint = `start it, or give its address with --url${advice}`;
  if (!URL.canParse(base))
    throw new ConfigError(`--url must be an address like http://127.0.0.1:8080; it is "${base}"`);
  return {
    base,
    async ask(method, path, body) {
      const headers = {
        ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
      };
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const sent = { method, headers, signal, ...(body !== undefined && { body: JSON.stringify(body) }) };
      const response = await fetch(`${base}${path}`, sent).catch(() => {
        throw new ConfigError(`no gateway answers at ${base}; ${hint}`);
      });
      const json = (await response.json().catch(() => undefined)) as unknown;
      if (response.ok && json !== undefined) return json as never;
      throw refusal(response.status, json, base, hint);
    },
  };
}

function refusal(status: number, json: unknown, base: string, hint: string): Error {
  if (status === 401) return new ConfigError(`the gateway at ${base} wants a key; give it with --key`);
  if (status === 403) return new ConfigError(`this is for administrators: give ${base}'s admin key with --key`);
  const error = (json as { error?: { message?: string; code?: string } } | undefined)?.error;
  if (error?.message === undefined || error.code === undefined)
    return new ConfigError(`what answers at ${base} is no Mynah gateway; ${hint}`);
  if (status < 500) return new ConfigError(`${error.message} (${error.code})`);
  return new SpeechError(status === 503 ? "overloaded" : "internal", error.message);
}
