import type {
  PronouncedPart,
  StoredSpeech,
  SynthesisChunk,
  SynthesisRequest,
  WordPlace,
  WordTime,
} from "../core/ports.ts";
import { type Replacement, replaced, type TextRules } from "../core/text/text-rules.ts";
import type { Segment, SpokenSegment } from "./segment.ts";
import { wordPlaces } from "./word-places.ts";

/** What was replaced in the text of a request; absent: nothing. A request lives as long as its plan. */
const known = new WeakMap<SynthesisRequest, readonly Replacement[]>();

/** The request with its text as it is pronounced. What its phonemes say is what is said there, whatever the rules are. */
export function pronounced(
  request: SynthesisRequest,
  { pronounce }: TextRules,
  language: string | undefined,
): SynthesisRequest {
  const { text, phonemes } = request;
  const apart = ({ from, to }: Replacement): boolean =>
    phonemes === undefined || phonemes.every((part) => to <= part.from || from >= part.to);
  const replacements = pronounce?.(text, language).filter(apart) ?? [];
  if (replacements.length === 0) return request;
  const whole = replaced(text, replacements);
  const trimmed = whole.length - whole.trimStart().length;
  const said = {
    ...{ ...request, text: whole.trim() },
    ...(phonemes && { phonemes: phonemes.map((part) => moved(part, replacements, trimmed)) }),
  };
  known.set(said, replacements);
  return said;
}

/** The same part in the text as it is said. */
function moved(part: PronouncedPart, replacements: readonly Replacement[], trimmed: number): PronouncedPart {
  const before = replacements.filter(({ to }) => to <= part.from);
  const shift = before.reduce((sum, { from, to, says }) => sum + says.length - (to - from), -trimmed);
  return { ...part, from: part.from + shift, to: part.to + shift };
}

/** Words are told as they are written, not as they are pronounced: of "SQL", said "sequel", listeners read "SQL". */
export function asWritten(spoken: SpokenSegment, { requests, text }: Segment, at: number): SpokenSegment {
  const request = requests[at]!;
  const replacements = known.get(request);
  if (replacements === undefined) return spoken;
  if ("stored" in spoken) return { ...spoken, stored: storedAsWritten(spoken.stored, replacements, text) };
  return { ...spoken, chunks: chunksAsWritten(spoken.chunks, request.text, text, replacements) };
}

function storedAsWritten(stored: StoredSpeech, replacements: readonly Replacement[], written: string): StoredSpeech {
  const { words } = stored.metadata;
  if (words === undefined) return stored;
  return { ...stored, metadata: { ...stored.metadata, words: placesAsWritten(words, replacements, written) } };
}

async function* chunksAsWritten(
  chunks: AsyncIterable<SynthesisChunk>,
  said: string,
  written: string,
  replacements: readonly Replacement[],
): AsyncGenerator<SynthesisChunk> {
  let searched = 0;
  let last: WordPlace | undefined; // it may go on: one written word can be several spoken ones
  const timeOf = ({ from, to, startMs, endMs }: WordPlace): WordTime => ({
    text: written.slice(from, to),
    startMs,
    endMs,
  });
  for await (const chunk of chunks) {
    if (chunk.words === undefined) {
      yield chunk;
      continue;
    }
    const places = wordPlaces(chunk.words, said, searched);
    searched = places.at(-1)?.to ?? searched;
    const all = merged([...(last === undefined ? [] : [last]), ...placesAsWritten(places, replacements, written)]);
    last = all.at(-1);
    const words = all.slice(0, -1).map(timeOf);
    if (chunk.audio !== undefined || words.length > 0)
      yield { ...(chunk.audio !== undefined && { audio: chunk.audio }), ...(words.length > 0 && { words }) };
  }
  if (last !== undefined) yield { words: [timeOf(last)] };
}

function placesAsWritten(
  places: readonly WordPlace[],
  replacements: readonly Replacement[],
  text: string,
): WordPlace[] {
  return merged(places.map((place) => ({ ...place, ...writtenPlace(place, replacements, text) })));
}

/** Words at one place are one word there. */
function merged(places: readonly WordPlace[]): WordPlace[] {
  const apart: WordPlace[] = [];
  for (const place of places) {
    const last = apart.at(-1);
    if (last !== undefined && place.from < last.to)
      apart[apart.length - 1] = { ...last, to: Math.max(last.to, place.to), endMs: place.endMs };
    else apart.push(place);
  }
  return apart;
}

/** Where a word that was said stands in the text. A word that has to do with a replacement stands for all that was replaced. */
function writtenPlace({ from, to }: WordPlace, replacements: readonly Replacement[], text: string) {
  let shift = 0; // from what is said to what is written
  let [writtenFrom, writtenTo]: [number | undefined, number | undefined] = [undefined, undefined];
  for (const { from: at, to: until, says } of replacements) {
    const saidAt = at - shift;
    const saidUntil = saidAt + says.length;
    if (from < saidAt) writtenFrom ??= from + shift;
    else if (from < saidUntil) writtenFrom ??= at;
    if (to <= saidAt) writtenTo ??= to + shift;
    else if (to <= saidUntil) writtenTo ??= until;
    shift = until - saidUntil;
  }
  const [start, end] = [writtenFrom ?? from + shift, writtenTo ?? to + shift];
  const word = text.slice(start, end);
  return { from: start + (word.length - word.trimStart().length), to: end - (word.length - word.trimEnd().length) };
}
