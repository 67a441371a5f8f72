/**
 * An engine of which 5 % of answers take 3 s to their first audio, with and without asking a second engine when it is
 * slower than usual. Counted: first audio as the caller sees it, and how many more calls are made.
 */

import { systemClock } from "../src/core/clock.ts";
import { SpeechError } from "../src/core/errors.ts";
import type { SpeechEngine } from "../src/core/ports.ts";
import { speechRig, utterance } from "../test/support/speech-rig.ts";
import { standInEngine } from "../test/support/stand-in-engine.ts";
import { progress } from "./support/engines-gateway.ts";
import { fixed, table } from "./support/report.ts";

const REQUESTS = Number(process.env.BENCH_REQUESTS ?? 1_000);
const AT_ONCE = 10;
const USUAL_MS = 60;
const SLOW_MS = 3_000;
const SLOW_SHARE = 0.05;

const rows: string[][] = [];
for (const hedge of [false, true]) rows.push(await measure(hedge));
process.stdout.write(
  `\n${REQUESTS} new texts, ${AT_ONCE} at once; ${SLOW_SHARE * 100} % of the first engine's answers begin after ${SLOW_MS} ms, the others after ${USUAL_MS} ms\n\n`,
);
process.stdout.write(table(["", "first audio p50 ms", "p95", "p99", "worst", "calls of the second, %"], rows));
process.exit(0);

/** The same calls are slow in every run. */
function sometimesSlow(): SpeechEngine {
  const inner = standInEngine({ name: "first" });
  let state = 42;
  return {
    ...inner,
    async *synthesize(request, options) {
      state = (state * 48_271) % 2_147_483_647;
      const slow = state / 2_147_483_647 < SLOW_SHARE;
      await systemClock.sleep(slow ? SLOW_MS : USUAL_MS * (0.8 + Math.random() * 0.4), options.signal);
      yield* inner.synthesize(request, options);
    },
  };
}

async function measure(hedge: boolean): Promise<string[]> {
  const second = standInEngine({ name: "second", firstByteMs: USUAL_MS });
  const rig = speechRig({ engines: [sometimesSlow(), second], guards: { hedge } });
  const { signal } = new AbortController();
  const first: number[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < REQUESTS) {
      const n = next++;
      const startedAt = performance.now();
      const result = await rig.speak(utterance(`Sentence number ${n} of the measurement.`), {
        signal,
        requestId: `${n}`,
      });
      if (!result.admitted) throw new SpeechError("internal", "refused");
      first.push(performance.now() - startedAt);
      for await (const _ of result.speech.audio);
      if (n % 100 === 99) progress(hedge ? "with hedging" : "without", n + 1, REQUESTS);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await rig.close();
  first.sort((a, b) => a - b);
  const at = (share: number) => fixed(first[Math.min(first.length - 1, Math.floor(first.length * share))]!, 0);
  return [hedge ? "with" : "without", at(0.5), at(0.95), at(0.99), at(1), fixed((second.calls / REQUESTS) * 100)];
}
