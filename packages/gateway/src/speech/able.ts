import { sameFormat } from "../core/audio-format.ts";
import type { Segment } from "./segment.ts";

/** Whether a candidate can say this as it was asked for: so long, so fast, so high, in a format that can be delivered. */
function isAble({ candidates, requests, format }: Segment, at: number): boolean {
  const { engine } = candidates[at]!;
  const request = requests[at]!;
  const { maxChars, speed, pitch } = engine.capabilities;
  if (request.text.length > maxChars) return false;
  if (request.speed < speed.min || request.speed > speed.max) return false;
  if (request.pitch < pitch.min || request.pitch > pitch.max) return false;
  const native = engine.outputFormat(request);
  return native.name !== "aac" || sameFormat(native, format); // nobody here can decode it
}

/** The candidate to ask first. */
export function firstAble(segment: Segment): number {
  for (let at = 0; at < segment.candidates.length; at++) if (isAble(segment, at)) return at;
  return 0;
}

/** All candidates by index, those that can say it first: one that cannot do the speed is better than silence. */
export function ableFirst(segment: Segment): number[] {
  const able = segment.candidates.map((_, at) => isAble(segment, at));
  return [...able.keys()].sort((a, b) => Number(able[b]) - Number(able[a]) || a - b);
}
