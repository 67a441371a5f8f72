import { sameFormat } from "../core/audio-format.ts";
import { isWithin, ONLY_NORMAL } from "../core/speech-settings.ts";
import { ignoredBy, type Segment } from "./segment.ts";

/** Whether a candidate can say this as it was asked for: so long, so fast, so high, in a format that can be delivered. */
function isAble(segment: Segment, at: number): boolean {
  const { candidates, requests, format } = segment;
  const { engine } = candidates[at]!;
  const request = requests[at]!;
  const { maxChars, speed, pitch, volume = ONLY_NORMAL } = engine.capabilities;
  if (request.text.length > maxChars) return false;
  if (!isWithin(request.speed, speed) || !isWithin(request.pitch, pitch) || !isWithin(request.volume, volume))
    return false;
  if (ignoredBy(segment, at).length > 0) return false;
  const native = engine.outputFormat(request);
  return native.name !== "aac" || sameFormat(native, format); // nobody here can decode it
}

/** The candidate to ask first. */
export function firstAble(segment: Segment): number {
  const first = segment.candidates.findIndex((_, at) => isAble(segment, at));
  return Math.max(0, first);
}

/** All candidates by index, those that can say it first: one that cannot do the speed is better than silence. */
export function ableFirst(segment: Segment): number[] {
  const able = segment.candidates.map((_, at) => isAble(segment, at));
  return [...able.keys()].sort((a, b) => Number(able[b]) - Number(able[a]) || a - b);
}
