import { SpeechError } from "../core/errors.ts";
import type { SynthesisChunk } from "../core/ports.ts";

/**
 * What a stream has already given its listeners, for going on with the same audio from another source. It keeps the
 * very chunks (the flight holds them anyway), so that the overlap is compared byte by byte.
 */
export class PassedOn {
  readonly #chunks: Uint8Array[] = [];
  #words = 0;
  /** Where the present source stands in what was passed on before it. */
  #chunk = 0;
  #offset = 0;
  #word = 0;

  /** A new source begins, from its start. */
  rewind(): void {
    this.#chunk = 0;
    this.#offset = 0;
    this.#word = 0;
  }

  /** What is new in the next chunk of the present source. Throws `engine_failed` where it differs from what was heard. */
  rest({ audio, words }: SynthesisChunk, engine: string): SynthesisChunk | undefined {
    const newAudio = audio && this.#newAudio(audio, engine);
    const newWords = words?.slice(Math.max(0, this.#words - this.#word));
    this.#word += words?.length ?? 0;
    this.#words = Math.max(this.#words, this.#word);
    const some = newAudio !== undefined || (newWords?.length ?? 0) > 0;
    return some ? { ...(newAudio && { audio: newAudio }), ...(newWords?.length && { words: newWords }) } : undefined;
  }

  /** The present source is at its end. Throws `engine_failed` if more than that was heard already. */
  checkEnd(engine: string): void {
    if (this.#chunk < this.#chunks.length) throw differs(engine);
  }

  /** What is new in a whole source. */
  async *onwards(source: AsyncIterable<SynthesisChunk>, engine: string): AsyncGenerator<SynthesisChunk> {
    this.rewind();
    for await (const chunk of source) {
      const rest = this.rest(chunk, engine);
      if (rest !== undefined) yield rest;
    }
    this.checkEnd(engine);
  }

  #newAudio(audio: Uint8Array, engine: string): Uint8Array | undefined {
    let at = 0;
    while (at < audio.byteLength && this.#chunk < this.#chunks.length) {
      const heard = this.#chunks[this.#chunk]!.subarray(this.#offset);
      const length = Math.min(heard.byteLength, audio.byteLength - at);
      for (let n = 0; n < length; n++) if (heard[n] !== audio[at + n]) throw differs(engine);
      at += length;
      this.#offset += length;
      if (length < heard.byteLength) continue;
      this.#chunk++;
      this.#offset = 0;
    }
    if (at === audio.byteLength) return undefined;
    const rest = audio.subarray(at);
    this.#chunks.push(rest);
    this.#chunk = this.#chunks.length;
    return rest;
  }
}

function differs(engine: string): SpeechError {
  return new SpeechError("engine_failed", `${engine} did not say it the same way again`, { engine });
}
