import type { StatsBody } from "../http/stats-route.ts";

/** What `/v1/stats` said at a time. */
export type StatsAt = { readonly atMs: number; readonly stats: StatsBody };
/** What happened between two looks, a second. */
export type Rates = { readonly requests: number; readonly hitRate: number | undefined; readonly refused: number };

const BLOCKS = "▁▂▃▄▅▆▇█";

export function ratesBetween(before: StatsAt, now: StatsAt): Rates {
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000);
  const [a, b] = [before.stats, now.stats];
  const grown = (of: (stats: StatsBody) => number): number => Math.max(0, of(b) - of(a));
  const found = grown(({ segments }) => segments.hits + segments.coalesced + segments.stale);
  const all = found + grown(({ segments }) => segments.misses);
  return {
    requests: grown(({ requests }) => requests.delivered + requests.failed + requests.refused) / seconds,
    hitRate: all === 0 ? undefined : found / all,
    refused: grown(({ requests }) => requests.refused) / seconds,
  };
}

/** A row of blocks as high as the values; nothing for a single height. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const top = Math.max(...shown, 0);
  if (top === 0) return BLOCKS[0]!.repeat(shown.length);
  return shown.map((value) => BLOCKS[Math.round((value / top) * (BLOCKS.length - 1))]!).join("");
}

const SPARK_WIDTH = 40;

/** Everything on one screen, as lines. */
export function statsScreen(stats: StatsBody, history: readonly Rates[], base: string): string[] {
  const { requests, segments, saved, memory, sockets, engines, redis, allServers } = stats;
  const now = history.at(-1);
  const percent = (share: number | undefined): string => (share === undefined ? "-" : `${(share * 100).toFixed(1)} %`);
  const line = (name: string, text: string): string => `  ${name.padEnd(10)} ${text}`;
  const rates = history.map((one) => one.requests);
  return [
    `mynah ${base}, up ${duration(stats.uptimeMs)}`,
    "",
    line(
      "requests",
      `${count(requests.delivered)} delivered, ${count(requests.failed)} failed, ${count(requests.refused)} refused`,
    ),
    ...(now === undefined ? [] : [line("now", `${now.requests.toFixed(1)}/s  ${sparkline(rates, SPARK_WIDTH)}`)]),
    line(
      "hit rate",
      `${percent(segments.hitRate)} of segments${now === undefined ? "" : `, now ${percent(now.hitRate)}`}`,
    ),
    line(
      "saved",
      `${count(saved.characters)} characters, ${mebibytes(saved.bytes)}, ${duration(saved.audioSeconds * 1000)} of audio`,
    ),
    line("memory", `${count(memory.entries)} entries, ${mebibytes(memory.bytes)} of ${mebibytes(memory.maxBytes)}`),
    line("sockets", `${sockets.open} open, ${sockets.utterances} speaking`),
    ...(redis === undefined ? [] : [line("redis", redisLine(redis))]),
    ...(allServers === undefined
      ? []
      : [
          line(
            "all",
            `${count(allServers.requests.delivered)} delivered, hit rate ${percent(allServers.segments.hitRate)}`,
          ),
        ]),
    "",
    ...engines.map(({ name, state, inFlight, queued, calls, firstAudioMs }) =>
      line(
        name,
        `${state}, ${inFlight} speaking, ${queued} waiting, ${count(calls)} calls, p95 ${ms(firstAudioMs.p95)}`,
      ),
    ),
  ];
}

function redisLine({ audio, state, bytes, keys }: NonNullable<StatsBody["redis"]>): string {
  const each = audio === state ? audio : `audio ${audio}, state ${state}`;
  return bytes === undefined ? each : `${each}, ${count(keys ?? 0)} keys, ${mebibytes(bytes)}`;
}

function ms(value: number | null): string {
  return value === null ? "-" : `${Math.round(value)} ms`;
}
function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
function duration(ms: number): string {
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s} s`;
  return s < 3600
    ? `${Math.floor(s / 60)} min ${s % 60} s`
    : `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}
