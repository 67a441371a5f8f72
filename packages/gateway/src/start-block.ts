import type { Config } from "./config/config.ts";
import type { Voice } from "./core/voice.ts";
import type { Readiness } from "./http/health-routes.ts";
import { VERSION } from "./version.ts";

export type StartBlockOptions = {
  readonly url: string;
  readonly wyoming?: { readonly host: string; readonly port: number } | undefined;
  readonly config: Config;
  readonly parts: Readiness["parts"];
  readonly warnings: readonly string[];
  readonly voices: readonly Voice[];
};

/** What a person wants to know of a server that has just started: where, with what, and what could be better. */
export function startBlock({ url, wyoming, config, parts, warnings, voices }: StartBlockOptions): string {
  const engines = Map.groupBy(voices, ({ engine }) => engine);
  const names = [...engines].map(([engine, list]) => `${engine} (${list.length} voices, ${languages(list)})`);
  const rows = [
    ["Page", `${url}/`],
    ["API", `${url}/v1/audio/speech  (OpenAI's; to be read at /docs)`],
    ["Engines", names.join(", ") || parts.engines!.detail],
    ["Cache", parts.cache!.detail],
    ["Limits", parts.limits!.detail],
    ...(wyoming === undefined ? [] : [["Wyoming", `tcp://${wyoming.host}:${wyoming.port}  (for Home Assistant)`]]),
  ];
  const degraded = Object.entries(parts).flatMap(([name, { status, detail }]) =>
    status === "degraded" ? [`${name}: ${detail}`] : [],
  );
  const hints = [...degraded, ...suggestions(config, engines)];
  const lines = [
    "",
    `Mynah ${VERSION} is speaking`,
    "",
    ...rows.map(([name, value]) => `  ${name!.padEnd(8)} ${value}`),
    ...(warnings.length > 0 ? ["", "  Take care:", ...warnings.map((warning) => `  · ${warning}`)] : []),
    ...(hints.length > 0 ? ["", "  Not switched on:", ...hints.map((hint) => `  · ${hint}`)] : []),
    "",
    "",
  ];
  return lines.join("\n");
}

function languages(voices: readonly Voice[]): string {
  const distinct = new Set(voices.map(({ language }) => language.split("-")[0]));
  return distinct.size === 1 ? [...distinct][0]! : `${distinct.size} languages`;
}

function suggestions(config: Config, engines: ReadonlyMap<string, unknown>): string[] {
  const hints: string[] = [];
  if (config.redisUrl === undefined) {
    hints.push(
      "Redis: the cache is this process's own and ends with it. REDIS_URL=redis://127.0.0.1:6379 shares and keeps it.",
    );
  } else if (config.redisEnabled === false) {
    hints.push("Redis: REDIS_ENABLED=false keeps it off.");
  }
  if (config.engines.length === 0 && !engines.has("espeak")) {
    hints.push("espeak-ng: over 100 more languages. `apt-get install espeak-ng` (GPL), then start again.");
  }
  if (config.engines.length === 0) {
    hints.push("Other engines: name them in mynah.config.yaml; docs/configuration.md shows how.");
  }
  return hints;
}
