import type { EngineStats } from "@mynah/protocol";
import { pino } from "pino";
import { composeSpeech, type SpeechSystem } from "../compose.ts";
import { type Config, ConfigError } from "../config/config.ts";
import { collect } from "../core/async.ts";
import { SpeechError } from "../core/errors.ts";
import { DEFAULT_CACHE_POLICY } from "../core/utterance.ts";
import { type GatewayOptions, gatewayClient } from "./gateway-client.ts";
import { printTable } from "./print-table.ts";

export type EnginesOptions = GatewayOptions & {
  readonly try?: boolean;
  readonly json?: boolean;
};

const TRY_TIMEOUT_MS = 30_000;

/** `mynah engines`: how they are doing on a running gateway; with `--try`, whether those of the configuration can speak. */
export async function showEngines(options: EnginesOptions, config: Config): Promise<void> {
  if (options.try) return tryEngines(options, config);
  const engines = await askGateway(options, config);
  if (options.json) process.stdout.write(`${JSON.stringify(engines, undefined, 2)}\n`);
  else printTable(HEAD, engines.map(rowOf));
}

const HEAD = [
  "ENGINE",
  "STATE",
  "SUCCESS",
  "FIRST AUDIO P50",
  "P95",
  "NOW",
  "WAITING",
  "CALLS",
  "FAILURES",
  "SPENT",
  "SAVED",
];

function rowOf(engine: EngineStats): string[] {
  const { name, state, retryInMs, successRate, firstAudioMs, inFlight, queued, calls, failures, cost } = engine;
  const ms = (value: number | null): string => (value === null ? "-" : `${Math.round(value)} ms`);
  return [
    name,
    state === "open" ? `open, ${Math.ceil(retryInMs / 1000)} s` : state,
    successRate === null ? "-" : `${(successRate * 100).toFixed(1)} %`,
    ms(firstAudioMs.p50),
    ms(firstAudioMs.p95),
    String(inFlight),
    String(queued),
    String(calls),
    Object.entries(failures)
      .map(([code, count]) => `${code} ${count}`)
      .join(", ") || "-",
    cost === null ? "-" : cost.spent.toFixed(2),
    cost === null ? "-" : cost.saved.toFixed(2),
  ];
}

async function askGateway(options: EnginesOptions, config: Config): Promise<EngineStats[]> {
  const client = gatewayClient(options, config, ", or try the engines of your configuration with --try");
  const { engines } = await client.ask<{ engines?: EngineStats[] }>("GET", "/v1/stats");
  if (Array.isArray(engines)) return engines;
  throw new ConfigError(`what answers at ${client.base} is no Mynah gateway`);
}

/** `mynah engines on|off|reset <name>`: on a running gateway, and on all that share its Redis. */
export async function switchEngine(
  name: string,
  to: "on" | "off" | "reset",
  { json, ...options }: GatewayOptions & { readonly json?: boolean },
  config: Config,
): Promise<void> {
  const client = gatewayClient(options, config);
  const path = `/admin/engines/${encodeURIComponent(name)}`;
  const engine =
    to === "reset"
      ? await client.ask<EngineStats>("POST", `${path}/reset`)
      : await client.ask<EngineStats & { shared: boolean }>("PUT", path, { on: to === "on" });
  if (json) process.stdout.write(`${JSON.stringify(engine, undefined, 2)}\n`);
  else {
    const alone = "shared" in engine && !engine.shared ? "; on this server only, as long as it runs" : "";
    process.stdout.write(`${name} is ${engine.state === "closed" ? "on" : engine.state}${alone}\n`);
  }
}

export type Trial = {
  readonly name: string;
  readonly spoke: boolean;
  readonly ms: number;
  readonly voice?: string;
  readonly error?: string;
};

async function tryEngines({ json }: EnginesOptions, config: Config): Promise<void> {
  const speech = await composeSpeech({ ...config, redisUrl: undefined }, pino({ level: "silent" }));
  try {
    const trials = await trialsOf(speech);
    if (json) process.stdout.write(`${JSON.stringify(trials, undefined, 2)}\n`);
    else
      printTable(
        ["ENGINE", "SPOKE", "TOOK", ""],
        trials.map(({ name, spoke, ms, voice, error }) => [
          name,
          spoke ? "yes" : "no",
          `${ms} ms`,
          error ?? voice ?? "",
        ]),
      );
    if (!trials.every(({ spoke }) => spoke)) process.exitCode = 1;
  } finally {
    await speech.close();
  }
}

/** Each engine says a word, one after the other. */
export async function trialsOf(speech: SpeechSystem): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const { name } of speech.voices.engines) trials.push(await tryEngine(name, speech));
  return trials;
}

/** One word, past the cache. */
async function tryEngine(name: string, { speak, formats, clock }: SpeechSystem): Promise<Trial> {
  const startedAt = clock.monotonic();
  const tookMs = (): number => Math.round(clock.monotonic() - startedAt);
  const utterance = {
    ...{
      text: "Hello.",
      voice: "alloy",
      model: name,
      speed: 1,
      pitch: 1,
      volume: 1,
      format: formats.wav,
      subject: "mynah engines",
    },
    cache: { ...DEFAULT_CACHE_POLICY, read: false, write: false },
  };
  try {
    const result = await speak(utterance, { signal: AbortSignal.timeout(TRY_TIMEOUT_MS), requestId: "engines" });
    if (!result.admitted) throw new SpeechError("rate_limit_exceeded", "your own limit is used up");
    await collect(result.speech.audio);
    return { name, spoke: true, ms: tookMs(), voice: result.speech.voice };
  } catch (thrown) {
    const cause = thrown instanceof SpeechError && thrown.cause instanceof SpeechError ? thrown.cause : thrown;
    return { name, spoke: false, ms: tookMs(), error: cause instanceof Error ? cause.message : String(cause) };
  }
}
