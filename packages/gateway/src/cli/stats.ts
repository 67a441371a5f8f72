import { setTimeout as sleep } from "node:timers/promises";
import { type Config, ConfigError } from "../config/config.ts";
import { systemClock } from "../core/clock.ts";
import type { StatsBody } from "../http/stats-route.ts";
import { interruptSignal } from "./follow-job.ts";
import { type GatewayOptions, gatewayClient } from "./gateway-client.ts";
import { type Rates, ratesBetween, type StatsAt, statsScreen } from "./stats-screen.ts";

export type StatsOptions = GatewayOptions & {
  readonly json?: boolean;
  readonly once?: boolean;
  readonly interval: number;
};

const HOME_AND_CLEAR = "\u001b[H\u001b[J";
const ALTERNATE_SCREEN = "\u001b[?1049h\u001b[?25l";
const USUAL_SCREEN = "\u001b[?1049l\u001b[?25h";
const MAX_HISTORY = 120;

/** `mynah stats`: redrawn on a terminal until Ctrl-C, once where output goes elsewhere. */
export async function showStats({ json, once, interval, ...options }: StatsOptions, config: Config): Promise<void> {
  const client = gatewayClient(options, config);
  const look = async (): Promise<StatsAt> => {
    const stats = await client.ask<StatsBody>("GET", "/v1/stats");
    return { atMs: systemClock.monotonic(), stats };
  };
  const first = await look();
  if (json) {
    process.stdout.write(`${JSON.stringify(first.stats, undefined, 2)}\n`);
    return;
  }
  if (once || !process.stdout.isTTY) {
    process.stdout.write(`${statsScreen(first.stats, [], client.base).join("\n")}\n`);
    return;
  }
  const interrupt = interruptSignal();
  const history: Rates[] = [];
  let problem = "Ctrl-C ends this.";
  process.stdout.write(ALTERNATE_SCREEN);
  try {
    for (let before = first; !interrupt.signal.aborted; ) {
      const lines = statsScreen(before.stats, history, client.base);
      process.stdout.write(`${HOME_AND_CLEAR}${lines.join("\n")}\n\n  ${problem}\n`);
      await sleep(interval * 1000, undefined, { signal: interrupt.signal }).catch(() => {});
      const now = await look().catch((error: unknown) => {
        problem = error instanceof ConfigError ? error.message : String(error);
        return undefined;
      });
      if (now === undefined) continue; // it may be starting anew
      problem = "Ctrl-C ends this.";
      history.push(ratesBetween(before, now));
      if (history.length > MAX_HISTORY) history.shift();
      before = now;
    }
  } finally {
    interrupt.off();
    process.stdout.write(USUAL_SCREEN);
  }
}
