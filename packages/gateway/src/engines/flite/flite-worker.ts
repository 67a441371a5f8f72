import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { workerData } from "node:worker_threads";
import { SpeechError } from "../../core/errors.ts";
import { type JobContext, serveJobs } from "../../threads/serve-jobs.ts";
import type { FliteJob, FliteMessage } from "./flite-job.ts";
import { playFaster } from "./play-faster.ts";
import { runFlite } from "./run-flite.ts";
import { isHeard, parsePhones, wordTimes } from "./word-times.ts";

const { module } = workerData as { module: WebAssembly.Module };

// Each run leaves 17 MB of WASM memory behind that V8 hardly feels; without help a busy worker piles up hundreds of MB.
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

serveJobs<FliteJob, FliteMessage>(async (job, context) => {
  try {
    await speak(job, context);
  } finally {
    collectGarbage();
  }
});

async function speak(
  { words, voice, speed, f0MeanHz, playbackRate }: FliteJob,
  { send, cancelled }: JobContext<FliteMessage>,
): Promise<void> {
  const text = words.map(({ spoken }) => spoken).join(" ");
  const run = await runFlite(module, text, {
    voice,
    durationStretch: playbackRate / speed,
    ...(f0MeanHz !== undefined && { f0MeanHz }),
    print: "-psdur",
    audio: true,
  });
  const audio = playbackRate === 1 ? run.pcm : playFaster(run.pcm, playbackRate);
  const durationMs = (audio.byteLength / 2 / run.sampleRateHz) * 1000;
  const phones = parsePhones(run.printed, durationMs);
  if (!isHeard(phones)) throw new SpeechError("engine_cannot_say", "flite found nothing to say in this text");
  send({ audio }, [audio.buffer]);
  if (cancelled()) return; { const t = performance.now(); collectGarbage(); if (process.env.GCT) console.log("gc", performance.now() - t); }
  // Which phones are which word's: the words alone, in the cheapest voice, squeezed, without samples (10 ms).
  const lines = await runFlite(module, words.map(({ spoken }) => spoken).join("\n\n"), {
    voice: "kal16",
    durationStretch: 0.05,
    print: "-ps",
    audio: false,
  });
  const times = wordTimes(words, phones, lines.printed);
  if (times) send({ words: times });
}
