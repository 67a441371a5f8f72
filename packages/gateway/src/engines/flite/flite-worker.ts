import { workerData } from "node:worker_threads";
import { SpeechError } from "../../core/errors.ts";
import { type JobContext, serveJobs } from "../../threads/serve-jobs.ts";
import type { FliteJob, FliteMessage } from "./flite-job.ts";
import { FliteProgram } from "./flite-program.ts";
import { playFaster } from "./play-faster.ts";
import { isHeard, parsePhones, wordTimes } from "./word-times.ts";

const { module } = workerData as { module: WebAssembly.Module };

const flite = new FliteProgram(module);

serveJobs<FliteJob, FliteMessage>(speak);

function speak(
  { words, voice, speed, f0MeanHz, playbackRate }: FliteJob,
  { send, cancelled }: JobContext<FliteMessage>,
): void {
  const text = words.map(({ spoken }) => spoken).join(" ");
  const run = flite.run(text, {
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
  if (cancelled()) return;

  // Which phones are which word's: the words alone, in the cheapest voice, squeezed, without samples (4 ms).
  const alone = words.map(({ spoken }) => spoken).join("\n\n");
  const lines = flite.run(alone, { voice: "kal16", durationStretch: 0.05, print: "-ps", audio: false });
  const times = wordTimes(words, phones, lines.printed);
  if (times) send({ words: times });
}
