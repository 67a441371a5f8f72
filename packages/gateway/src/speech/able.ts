import { sameFormat } from "../core/audio-format.ts";
import { dividedRequest } from "./divided-request.ts";
import { ignoredBy, type Segment } from "./segment.ts";

/** Whether a candidate can say this as it was asked for: so long, in this manner, in a format that can be delivered. */
function isAble(segment: Segment, at: number): boolean {
  const { candidates, requests, format } = segment;
  const { engine } = candidates[at]!;
  const request = requests[at]!;
  if (request.text.length > engine.capabilities.maxChars) return false;
  if (ignoredBy(segment, at).length > 0) return false;
  const divided = dividedRequest(engine, request);
  const native = engine.outputFormat(divided?.plain ?? request);
  return native.name !== "aac" || (divided === undefined && sameFormat(native, format)); // nobody here can decode it
}

/** The candidate to ask first. */
export function firstAble(segment: Segment): number {
  for (let at = 0; at < segment.candidates.length; at++) if (isAble(segment, at)) return at;
  return 0;
}

/** All candidates by index, those that can say it first: one that cannot do all of it is better than silence. */
export function ableFirst(segment: Segment): number[] {
  const able = segment.candidates.map((_, at) => isAble(segment, at));
  return [...able.keys()].sort((a, b) => Number(able[b]) - Number(able[a]) || a - b);
}
