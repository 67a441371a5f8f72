import { type Config, ConfigError } from "../config/config.ts";
import { followJob, interruptSignal, type JobTold } from "./follow-job.ts";
import { type GatewayOptions, gatewayClient } from "./gateway-client.ts";

export type PurgeOptions = GatewayOptions & {
  readonly all?: boolean;
  readonly tag?: string;
  readonly engine?: string;
  readonly voice?: string;
  readonly entry?: string;
  readonly text?: string;
  readonly json?: boolean;
};

/** `mynah purge`: on all servers, by way of one of them. */
export async function purge({ url, key, json, ...what }: PurgeOptions, config: Config): Promise<void> {
  const client = gatewayClient({ ...(url && { url }), ...(key && { key }) }, config);
  const answer = await client.ask<JobTold | { removed: number }>("POST", "/admin/cache/purge", bodyOf(what));
  if ("removed" in answer) return tell(answer.removed, undefined, json);
  const interrupt = interruptSignal();
  const job = await followJob(client, answer, {
    label: "purge",
    signal: interrupt.signal,
    more: ({ purge: now }) => `${now?.seen ?? 0} seen, ${now?.removed ?? 0} removed`,
  });
  interrupt.off();
  tell(job.purge?.removed ?? 0, job, json);
}

function bodyOf({ all, entry, text, voice, ...match }: Omit<PurgeOptions, "url" | "key" | "json">): object {
  const one = [all, entry, text].filter((given) => given !== undefined).length;
  const some = Object.values(match).some((given) => given !== undefined) || (voice !== undefined && text === undefined);
  if (one + Number(some) !== 1)
    throw new ConfigError(
      "say what to purge: --all, --entry, --text (with --voice), or any of --tag, --engine, --voice",
    );
  if (all) return { all };
  if (entry !== undefined) return { key: entry };
  if (text !== undefined) return { speech: { input: text, voice: voice ?? "alloy" } };
  return { ...match, ...(voice !== undefined && { voice }) };
}

function tell(removed: number, job: JobTold | undefined, json: boolean | undefined): void {
  const failed = job !== undefined && job.state !== "done";
  if (json) process.stdout.write(`${JSON.stringify({ removed, state: job?.state ?? "done" })}\n`);
  else process.stdout.write(`${removed} ${removed === 1 ? "entry" : "entries"} removed\n`);
  if (!failed) return;
  process.exitCode = job.state === "cancelled" ? 130 : 1;
  process.stderr.write(
    `mynah: the purge ${job.state === "failed" ? "failed" : `was ${job.state}`}; what is left stays${job.error ? `: ${job.error}` : ""}\n`,
  );
}
