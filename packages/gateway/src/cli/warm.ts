import type { Config } from "../config/config.ts";
import type { AudioFormatName } from "../core/audio-format.ts";
import { followJob, interruptSignal, type JobTold, type WarmTold } from "./follow-job.ts";
import { type GatewayClient, type GatewayOptions, gatewayClient } from "./gateway-client.ts";
import { readPhrases } from "./load/phrases.ts";

export type WarmOptions = GatewayOptions & {
  readonly voice: string;
  readonly engine: string;
  readonly format: AudioFormatName;
  readonly speed: number;
  readonly pitch?: number;
  readonly volume?: number;
  readonly instructions?: string;
  readonly style?: string;
  readonly seed?: number;
  readonly language?: string;
  readonly tag?: string;
  readonly concurrency: number;
  readonly json?: boolean;
};

const MAX_PHRASES = 1_000_000;
/** Of one job: the gateway takes more, but a job is what is lost when its server ends. */
const PER_JOB = 1_000;
const MAX_JOB_CHARS = 2_000_000;

/**
 * `mynah warm phrases.txt`: jobs of a gateway, one after the other. The cache itself remembers how far it came: run again
 * after an interruption, what was made before is a hit, costs nothing and takes no time.
 */
export async function warm(file: string, { url, key, json, ...settings }: WarmOptions, config: Config): Promise<void> {
  const client = gatewayClient({ ...(url && { url }), ...(key && { key }) }, config);
  const { lines, cut } = await readPhrases(file, { max: MAX_PHRASES });
  if (cut) process.stderr.write(`only the first ${MAX_PHRASES} phrases are warmed\n`);
  const interrupt = interruptSignal();
  let sum: WarmTold = { hits: 0, made: 0, failed: 0, characters: 0, cost: 0, failures: {}, failedPhrases: [] };
  let done = 0;
  let last: JobTold | undefined;
  for (const phrases of batches(lines)) {
    last = await warmSome(client, phrases, settings, { done, total: lines.length, signal: interrupt.signal });
    if (last.warm !== undefined) sum = added(sum, last.warm, done);
    done += last.done;
    if (last.state !== "done") break;
  }
  interrupt.off();
  tell(sum, { done, total: lines.length, last, json, lines });
}

function* batches(lines: readonly string[]): Generator<string[]> {
  let batch: string[] = [];
  let chars = 0;
  for (const line of lines) {
    if (batch.length === PER_JOB || (batch.length > 0 && chars + line.length > MAX_JOB_CHARS)) {
      yield batch;
      [batch, chars] = [[], 0];
    }
    batch.push(line);
    chars += line.length;
  }
  if (batch.length > 0) yield batch;
}

async function warmSome(
  client: GatewayClient,
  phrases: readonly string[],
  { engine: model, format, ...how }: Omit<WarmOptions, "url" | "key" | "json">,
  { done, total, signal }: { readonly done: number; readonly total: number; readonly signal: AbortSignal },
): Promise<JobTold> {
  const body = { phrases, model, response_format: format, ...how };
  const job = await client.ask<JobTold>("POST", "/admin/cache/warm", body);
  const more = ({ warm: now }: JobTold) =>
    `${now?.hits ?? 0} there, ${now?.made ?? 0} made, ${now?.failed ?? 0} failed`;
  return followJob(client, job, { label: "warm", before: done, total, signal, more });
}

function added(sum: WarmTold, more: WarmTold, before: number): WarmTold {
  const failures: Record<string, number> = { ...sum.failures };
  for (const [code, count] of Object.entries(more.failures)) failures[code] = (failures[code] ?? 0) + count;
  return {
    hits: sum.hits + more.hits,
    made: sum.made + more.made,
    failed: sum.failed + more.failed,
    characters: sum.characters + more.characters,
    cost: sum.cost === null || more.cost === null ? null : sum.cost + more.cost,
    failures,
    failedPhrases: [...sum.failedPhrases, ...more.failedPhrases.map(({ at, code }) => ({ at: at + before, code }))],
  };
}

type Outcome = {
  readonly done: number;
  readonly total: number;
  readonly last: JobTold | undefined;
  readonly json: boolean | undefined;
  readonly lines: readonly string[];
};
const MAX_SHOWN = 10;

function tell(sum: WarmTold, { done, total, last, json, lines }: Outcome): void {
  const state = last?.state ?? "done";
  if (json) process.stdout.write(`${JSON.stringify({ state, phrases: total, done, ...sum }, undefined, 2)}\n`);
  else {
    const cost = sum.cost === null ? "cost unknown (no costPerMillionChars)" : `cost ${sum.cost.toFixed(4)}`;
    process.stdout.write(
      `${done} of ${total} phrases: ${sum.hits} sentences were there, ${sum.made} made, ${sum.failed} phrases failed; ` +
        `${sum.characters} characters, ${cost}\n`,
    );
    for (const { at, code } of sum.failedPhrases.slice(0, MAX_SHOWN))
      process.stdout.write(`  failed: ${code}: ${lines[at]!.slice(0, 60)}\n`);
  }
  if (state !== "done") process.stderr.write(`mynah: ${state}; run it again, what was made is kept\n`);
  if (state === "cancelled") process.exitCode = 130;
  else if (state !== "done" || sum.failed > 0) process.exitCode = 1;
}
