import type { SpokenWord } from "../../core/ports.ts";
import type { SpeechPart } from "../../speech/speech-part.ts";
import type { OriginalText } from "./original-text.ts";

/** Three lists of one length, times on the clock of the whole answer. A character is a code point. */
export type TimedCharacters = {
  readonly characters: string[];
  readonly startMs: number[];
  readonly endMs: number[];
};

export type AlignedChunk = {
  /** May be empty where there is an alignment. */
  readonly audio: Uint8Array;
  /** With the last of a sentence's audio: when its characters are heard. */
  readonly alignment?: SentenceAlignment;
};

export type SentenceAlignment = {
  /** When the sentence begins. */
  readonly fromMs: number;
  /** The text as the caller wrote it. */
  readonly original: TimedCharacters;
  /** The text as it was spoken. */
  readonly spoken: TimedCharacters;
};

const MAX_CHUNK_BYTES = 24 * 1024;
/** So much of a sentence's latest audio waits for what tells when its characters are heard, which may come last. */
const TAIL_BYTES = 512;
/** Less behind the last sentence is a codec's rounding. */
const MIN_PAUSE_MS = 50;
/** Scripts whose sentences follow each other without a space. */
const UNSPACED_END = /[\u3000-\u9fff\uff00-\uffef]$/;

/**
 * Audio as it comes, and with each sentence's last piece when its characters are heard. Wants parts that tell words.
 * `before`: the latest sentence, kept by callers whose texts follow each other.
 */
export async function* alignedChunks(
  parts: AsyncIterable<SpeechPart>,
  original: OriginalText,
  before = { text: "" },
): AsyncGenerator<AlignedChunk> {
  let held: Uint8Array | undefined;
  let sentence: { readonly text: string; readonly fromMs: number; readonly words: SpokenWord[] } | undefined;
  let heardMs = 0;
  let sentMs = 0;
  for await (const part of parts) {
    switch (part.type) {
      case "segment": {
        const space = before.text === "" || UNSPACED_END.test(before.text) ? "" : " ";
        before.text = part.segment.text;
        sentence = { text: space + before.text, fromMs: heardMs, words: [] };
        break;
      }
      case "words": {
        const shift = sentence!.text.length - before.text.length;
        for (const word of part.words) sentence!.words.push({ ...word, from: word.from + shift, to: word.to + shift });
        break;
      }
      case "audio": {
        sentMs = part.untilMs;
        if (held !== undefined) yield { audio: held };
        const tail = sentence === undefined ? 0 : Math.min(TAIL_BYTES, part.audio.byteLength >> 1) & ~1;
        const [now, later] = cut(part.audio, part.audio.byteLength - tail);
        held = later.byteLength > 0 ? later : undefined;
        yield* pieces(now);
        break;
      }
      case "ended": {
        heardMs = part.untilMs;
        const { text, fromMs, words } = sentence!;
        const spoken = timedCharacters(text, words, { fromMs, untilMs: heardMs });
        yield { audio: held ?? new Uint8Array(), alignment: { fromMs, spoken, original: original.aligned(spoken) } };
        held = undefined;
        sentence = undefined;
      }
    }
  }
  // Whoever adds up the times counts a pause at the end too.
  if (sentMs > heardMs + MIN_PAUSE_MS) {
    const pause: TimedCharacters = { characters: [" "], startMs: [heardMs], endMs: [sentMs] };
    yield { audio: new Uint8Array(), alignment: { fromMs: heardMs, spoken: pause, original: pause } };
  }
}

/**
 * When each character is heard, from when each word is: a word's time is shared out among its characters, the time between
 * two words among those between them. The last one lasts until the sentence's audio ends.
 */
export function timedCharacters(
  text: string,
  words: readonly SpokenWord[],
  { fromMs, untilMs }: { readonly fromMs: number; readonly untilMs: number },
): TimedCharacters {
  const timed: TimedCharacters = { characters: [], startMs: [], endMs: [] };
  let at = 0;
  let ms = fromMs;
  const share = (to: number, endMs: number): void => {
    const characters = Array.from(text.slice(at, to));
    const each = (endMs - ms) / Math.max(1, characters.length);
    for (const [index, character] of characters.entries()) {
      timed.characters.push(character);
      timed.startMs.push(ms + index * each);
      timed.endMs.push(ms + (index + 1) * each);
    }
    at = to;
    ms = endMs;
  };
  for (const { from, to, startMs, endMs } of words) {
    if (from < at) continue;
    share(from, Math.max(ms, startMs));
    share(to, Math.max(ms, endMs));
  }
  share(text.length, Math.max(ms, untilMs));
  if (timed.endMs.length > 0) timed.endMs[timed.endMs.length - 1] = Math.max(ms, untilMs);
  return timed;
}

function* pieces(audio: Uint8Array): Generator<AlignedChunk> {
  for (let at = 0; at < audio.byteLength; at += MAX_CHUNK_BYTES)
    yield { audio: audio.subarray(at, at + MAX_CHUNK_BYTES) };
}

function cut(bytes: Uint8Array, at: number): [Uint8Array, Uint8Array] {
  return [bytes.subarray(0, at), bytes.subarray(at)];
}
