import type { SpokenMark, SpokenWord } from "../core/ports.ts";
import type { Transcript } from "../core/subtitles/subtitles.ts";
import type { SpeechPart } from "./speech-part.ts";

/** What was said and when, while its audio passes by. The answer must have been asked for with words. */
export class TranscriptWriter {
  readonly #segments: { readonly text: string; readonly words: SpokenWord[] }[] = [];
  readonly #marks: SpokenMark[] = [];
  #durationMs = 0;

  add(part: SpeechPart): void {
    if (part.type === "segment") this.#segments.push({ text: part.segment.text, words: [] });
    else if (part.type === "words") this.#segments.at(-1)?.words.push(...part.words);
    else if (part.type === "marks") this.#marks.push(...part.marks);
    else this.#durationMs = Math.max(this.#durationMs, part.untilMs);
  }

  /** Of what has passed so far. */
  get transcript(): Transcript {
    return { segments: this.#segments, marks: this.#marks, durationMs: this.#durationMs };
  }
}

/** The transcript of a whole answer, which is listened to until its end. */
export async function transcribe(parts: AsyncIterable<SpeechPart>): Promise<Transcript> {
  const writer = new TranscriptWriter();
  for await (const part of parts) writer.add(part);
  return writer.transcript;
}
