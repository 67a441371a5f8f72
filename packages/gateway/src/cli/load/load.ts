import { writeFileSync } from "node:fs";
import { ConfigError } from "../../config/config.ts";
import type { AudioFormatName } from "../../core/audio-format.ts";
import { printTable } from "../print-table.ts";
import { progressLine } from "../progress-line.ts";
import { httpTarget } from "./http-target.ts";
import { loadPage } from "./load-page.ts";
import { LATENCY_HEAD, type LoadContext, latencyRows, loadReport, summaryLines } from "./load-report.ts";
import { readPhrases, SAMPLE_PHRASES } from "./phrases.ts";
import { poissonArrivals, seededRandom } from "./random.ts";
import { type Order, runLoad } from "./run-load.ts";
import { socketTarget } from "./socket-target.ts";
import type { Tally } from "./tally.ts";
import type { LoadSettings } from "./target.ts";

export type LoadOptions = {
  readonly rate: number;
  readonly duration: number;
  readonly ramp: number;
  readonly users: number;
  readonly phrases?: string;
  readonly trace?: string;
  readonly order?: Order;
  readonly socket?: boolean;
  readonly connections: number;
  readonly voice: string;
  readonly model: string;
  readonly format: AudioFormatName;
  readonly key?: string;
  readonly nameUsers?: boolean;
  readonly timeout: number;
  readonly seed?: number;
  readonly html: string | false;
  readonly json?: boolean;
};

const MAX_PHRASES = 500_000;
const PREFLIGHT_MS = 5_000;

/** `mynah load <url>`: callers that do not wait for each other, against the deployment that is named and no other. */
export async function load(address: string, options: LoadOptions): Promise<void> {
  const url = parsedUrl(address);
  const { lines, cut } = await phrasesOf(options);
  if (cut) process.stderr.write(`only the first ${MAX_PHRASES} phrases are used\n`);
  await expectGateway(url);
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
  const random = seededRandom(seed);
  const order = options.order ?? (options.trace === undefined ? "random" : "sequence");
  const stop = new AbortController();
  const interrupted = onInterrupt(stop);
  const bar = progressLine(process.stderr, { label: "load", total: options.duration, unit: "s" });
  const { rate, duration: seconds, ramp: rampSeconds, users } = options;
  const { tally, elapsedMs } = await runLoad({
    target: targetOf(url, options),
    phrases: lines,
    ...{ order, users, random },
    arrivals: poissonArrivals({ rate, seconds, rampSeconds, random }),
    signal: stop.signal,
    drainMs: options.timeout * 1000,
    onProgress: (at, now) => bar.update(Math.min(seconds, Math.round(at / 1000)), progressOf(now)),
  });
  bar.end();
  interrupted.off();
  const { voice, format, socket } = options;
  tell(tally, options, {
    ...{ url: address, transport: socket ? "socket" : "http", rate, users, seconds, rampSeconds },
    ...{ phrases: lines.length, order, seed, voice, format, elapsedMs, interrupted: stop.signal.aborted },
  });
}

function tell(tally: Tally, { html, json }: LoadOptions, context: LoadContext): void {
  const report = loadReport(tally, context);
  if (html !== false) {
    try {
      writeFileSync(html, loadPage(report, tally));
    } catch (error) {
      throw new ConfigError(`${html} cannot be written: ${(error as Error).message}`);
    }
  }
  if (json) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  else {
    process.stdout.write(`${summaryLines(report).join("\n")}\n\n`);
    printTable(LATENCY_HEAD, latencyRows(report));
  }
  if (html !== false) process.stderr.write(`\nThe same with pictures: ${html}\n`);
  if (report.ok === 0) process.exitCode = 1;
}

function progressOf({ ok, refused, failed, hitRate, firstAudio }: Tally): string {
  const p99 = firstAudio.count === 0 ? "-" : firstAudio.quantile(0.99).toFixed(1);
  return `${ok} ok, ${refused} refused, ${failed} failed, ${(hitRate * 100).toFixed(0)} % hits, p99 ${p99} ms`;
}

function parsedUrl(address: string): URL {
  const url = URL.parse(address);
  if (url !== null && ["http:", "https:"].includes(url.protocol)) return url;
  throw new ConfigError(`"${address}" is not the address of a gateway; write it like http://127.0.0.1:8080`);
}

async function phrasesOf({ phrases, trace }: LoadOptions) {
  if (phrases !== undefined && trace !== undefined)
    throw new ConfigError("--phrases and --trace are the same file in another order; give one of them");
  const file = phrases ?? trace;
  return file === undefined ? { lines: SAMPLE_PHRASES, cut: false } : readPhrases(file, { max: MAX_PHRASES });
}

/** Better one line now than ten thousand refused connections. */
async function expectGateway(url: URL): Promise<void> {
  const health = `${url.href.replace(/\/+$/, "")}/healthz`;
  const answer = await fetch(health, { signal: AbortSignal.timeout(PREFLIGHT_MS) }).catch(() => undefined);
  await answer?.body?.cancel();
  if (answer?.ok) return;
  throw new ConfigError(
    answer === undefined
      ? `nothing answers at ${url.href}; start the gateway there, or give its address`
      : `what answers at ${url.href} is no Mynah gateway (${health} says ${answer.status})`,
  );
}

function targetOf(url: URL, options: LoadOptions) {
  const { key, voice, model, format, nameUsers = true, timeout } = options;
  const settings: LoadSettings = {
    ...{ url, voice, model, format, nameUsers, timeoutMs: timeout * 1000 },
    ...(key !== undefined && { key }),
  };
  return options.socket ? socketTarget(settings) : httpTarget(settings, options.connections);
}

/** The first ends the run with what was measured so far, the second ends the program. */
function onInterrupt(stop: AbortController): { off(): void } {
  const interrupt = (): void => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  };
  process.on("SIGINT", interrupt);
  return { off: () => process.off("SIGINT", interrupt) };
}
