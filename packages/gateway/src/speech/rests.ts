import type { Soon } from "../core/async.ts";
import type { AudioFormat } from "../core/audio-format.ts";
import type { CallOptions, MakeSilence, Silence } from "../core/ports.ts";
import type { Rest } from "../core/script.ts";
import type { Plan } from "./plan.ts";
import type { StoredSegment } from "./stored-answer.ts";

/** A rest whose silence is made. */
export type MadeRest = Pick<Rest, "marks"> & { readonly silence: Silence };

export type RestMaker = (rest: Rest | undefined) => Promise<MadeRest | undefined>;

/** Makes the silence of rests, where there is any. */
export function restMaker(format: AudioFormat, makeSilence: MakeSilence, options: CallOptions): RestMaker {
  return async (rest) => {
    if (rest === undefined || rest.ms === 0) return undefined;
    return { marks: rest.marks, silence: await makeSilence(format, rest.ms, options) };
  };
}

export type Rested = { readonly segments: readonly StoredSegment[]; readonly tail?: MadeRest | undefined };
type RestedOptions = { readonly make: RestMaker; readonly maxBytes: number };

/** Stored segments with the silences between them; undefined if all of it is more than so many bytes. */
export function withRests(
  plan: Plan,
  stored: readonly StoredSegment[],
  options: RestedOptions,
): Soon<Rested | undefined> {
  const rests = plan.tail !== undefined || plan.segments.some(({ lead }) => lead !== undefined);
  return rests ? rested(plan, stored, options) : { segments: stored };
}

async function rested(
  { segments, tail: last }: Plan,
  stored: readonly StoredSegment[],
  { make, maxBytes }: RestedOptions,
): Promise<Rested | undefined> {
  const tail = await make(last);
  const all: StoredSegment[] = [];
  let bytes = tail?.silence.audio.byteLength ?? 0;
  for (const [at, segment] of stored.entries()) {
    const lead = await make(segments[at]!.lead);
    bytes += segment.spoken.stored.audio.byteLength + (lead?.silence.audio.byteLength ?? 0);
    if (bytes > maxBytes) return undefined;
    all.push({ ...segment, lead });
  }
  return { segments: all, tail };
}
