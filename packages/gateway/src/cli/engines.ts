import type { EngineStats } from "@mynah/protocol";
import { pino } from "pino";
import { composeSpeech, type SpeechSystem } from "../compose.ts";
import { type Config, ConfigError } from "../config/config.ts";
import { collect } from "../core/async.ts";
import { SpeechError } from "../core/errors.ts";
import { DEFAULT_CACHE_POLICY } from "../core/utterance.ts";
import { printTable } from "./print-table.ts";

export type EnginesOptions = {
  readonly url?: string;
  readonly key?: string;
  readonly try?: boolean;
  readonly json?: boolean;
};

const ASK_TIMEOUT_MS = 5_000;
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

async function askGateway({ url, key }: EnginesOptions, config: Config): Promise<EngineStats[]> {
  const local = config.host === "0.0.0.0" ? "127.0.0.1" : config.host;
  const base = (url ?? `http://${local}:${config.port}`).replace(/\/+$/, "");
  const advice = "start it, give its address with --url, or try the engines of your configuration with --try";
  const headers = { ...(key !== undefined && { authorization: `Bearer ${key}` }) };
  const response = await fetch(`${base}/v1/stats`, { headers, signal: AbortSignal.timeout(ASK_TIMEOUT_MS) }).catch(
    () => {
      throw new ConfigError(`no gateway answers at ${base}; ${advice}`);
    },
  );
  const body = (await response.json().catch(() => undefined)) as { engines?: EngineStats[] } | undefined;
  if (response.status === 401) throw new ConfigError(`the gateway at ${base} wants a key; give it with --key`);
  if (!response.ok || !Array.isArray(body?.engines))
    throw new ConfigError(`what answers at ${base} is no Mynah gateway; ${advice}`);
  return body.engines;
}

type Trial = {
  readonly name: string;
  readonly spoke: boolean;
  readonly ms: number;
  readonly voice?: string;
  readonly error?: string;
};

async function tryEngines({ json }: EnginesOptions, config: Config): Promise<void> {
  const speech = await composeSpeech({ ...config, redisUrl: undefined }, pino({ level: "silent" }));
  try {
    const trials: Trial[] = [];
    for (const { name } of speech.voices.engines) trials.push(await tryEngine(name, speech));
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
