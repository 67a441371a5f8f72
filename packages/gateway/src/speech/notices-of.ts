import { type Notice, SCRIPT_BOUNDS } from "../core/script.ts";
import { firstAble } from "./able.ts";
import type { Plan } from "./plan.ts";
import type { SpokenSegment } from "./segment.ts";

/** What is not done as it was asked: of segments that are spoken by whoever speaks them, of the others by whoever is asked first. */
export function noticesOf(plan: Plan, spoken: readonly (SpokenSegment | undefined)[]): readonly Notice[] {
  if (plan.segments.every(({ notices }) => notices === undefined)) return plan.notices;
  const told = plan.segments.flatMap((segment, at) => {
    const by = spoken[at];
    return by === undefined ? (segment.notices?.[firstAble(segment)] ?? []) : (by.notices ?? []);
  });
  return [...plan.notices, ...told].slice(0, SCRIPT_BOUNDS.maxNotices);
}
