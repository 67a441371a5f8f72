import { workerData } from "node:worker_threads";
import { SpeechError } from "../../core/errors.ts";
import type { WordTime } from "../../core/ports.ts";
import { type JobContext, serveJobs } from "../../threads/serve-jobs.ts";
import type { EspeakJob, EspeakMessage, EspeakWorkerData } from "./espeak-job.ts";
import type { EspeakVoice } from "./espeak-voices.ts";

/** The part of `@echogarden/espeak-ng-emscripten` in use; its types are not at hand where it is not installed. */
type EspeakEvent = { readonly type: string; readonly audio_position: number; readonly id?: string | number };
type EspeakSynthesizer = {
  list_voices(): { name: string; identifier: string; languages: { name: string }[] }[];
  /** 0, or 2 for an unknown voice: then the one before stays. */
  set_voice(id: string): number;
  set_rate(wordsPerMinute: number): void;
  set_pitch(step: number): void;
  /** Synchronous; the callback stops it by returning true and must not throw, which would spoil the next synthesis. */
  synthesize(ssml: string, receive: (samples: Int16Array | undefined, events: EspeakEvent[]) => boolean): void;
};
type EspeakModule = { default: () => Promise<{ eSpeakNGWorker: new () => Promise<EspeakSynthesizer> }> };

/** What is heard comes this long after the position of its event, measured. */
const ONSET_MS = 50;

const { module } = workerData as EspeakWorkerData;
const loaded = (async () => {
  const { eSpeakNGWorker } = await ((await import(module)) as EspeakModule).default();
  return await new eSpeakNGWorker();
})();
loaded.catch(() => {}); // reported by the job that awaits it

serveJobs<EspeakJob, EspeakMessage>(async (job, context) => {
  const espeak = await loaded;
  if (job.kind === "speak") return speak(espeak, job, context);
  const voices = new Map<string, EspeakVoice>();
  for (const { name, identifier, languages } of espeak.list_voices()) {
    const id = languages[0]?.name;
    if (id !== undefined && !voices.has(id)) voices.set(id, { id, name, file: identifier });
  }
  context.send({ voices: [...voices.values()] });
});

function speak(
  espeak: EspeakSynthesizer,
  { words, voice, wordsPerMinute, pitchStep }: Extract<EspeakJob, { kind: "speak" }>,
  { send, cancelled }: JobContext<EspeakMessage>,
): void {
  if (espeak.set_voice(voice) !== 0) throw new SpeechError("voice_not_found", "espeak has no such voice");
  espeak.set_rate(wordsPerMinute);
  espeak.set_pitch(pitchStep);
  const phonemes: { word: number; atMs: number; silent: boolean }[] = [];
  let word = -1;
  let samples = 0;
  const ssml = words.map((text, index) => `<mark name="${index}"/>${escaped(text)}`).join(" ");
  espeak.synthesize(ssml, (chunk, events) => {
    for (const { type, id, audio_position: atMs } of events) {
      if (type === "mark") word = Number(id);
      if (type === "phoneme" || type === "mark" || type === "end")
        phonemes.push({ word, atMs, silent: type === "end" || (type === "phoneme" && !String(id ?? "").trim()) });
    }
    if (chunk && chunk.length > 0) {
      samples += chunk.length;
      const audio = new Uint8Array(chunk.slice().buffer);
      send({ audio }, [audio.buffer]);
    }
    return cancelled();
  });
  if (cancelled()) return;
  const times = wordTimes(words, phonemes, (samples / 22_050) * 1000);
  if (times.length > 0) send({ words: times });
}

/** A word lasts from its first sounding phoneme to the end of its last one. */
function wordTimes(
  words: readonly string[],
  phonemes: readonly { word: number; atMs: number; silent: boolean }[],
  durationMs: number,
): WordTime[] {
  const spans = new Map<number, { startMs: number; endMs: number }>();
  for (const [at, { word, atMs, silent }] of phonemes.entries()) {
    if (silent || word < 0) continue;
    const endMs = phonemes[at + 1]?.atMs ?? durationMs;
    if (endMs <= atMs) continue;
    const span = spans.get(word);
    spans.set(word, { startMs: span?.startMs ?? atMs, endMs });
  }
  const onClock = (ms: number): number => Math.round(Math.min(ms + ONSET_MS, durationMs));
  return [...spans]
    .sort(([a], [b]) => a - b)
    .map(([word, { startMs, endMs }]) => ({
      text: trimmed(words[word]!),
      startMs: onClock(startMs),
      endMs: onClock(endMs),
    }));
}

function trimmed(word: string): string {
  return word.replace(/^[^\p{L}\p{N}\p{S}]+|[^\p{L}\p{N}\p{M}\p{S}%]+$/gu, "") || word;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
