/** One admission as a client can know it: it happened somewhere between the two. */
export type Admission = { readonly fromMs: number; readonly toMs: number };

/**
 * The most admissions that certainly lie within any stretch of `lengthMs`: both ends of each are inside it. So a limit
 * that holds is never called broken because an answer took long to arrive, and one that does not hold is found as long
 * as answers are quick beside the window.
 */
export function mostWithin(admissions: readonly Admission[], lengthMs: number): number {
  let most = 0;
  for (const { fromMs: start } of admissions) {
    const inside = admissions.filter(({ fromMs, toMs }) => fromMs >= start && toMs < start + lengthMs).length;
    most = Math.max(most, inside);
  }
  return most;
}
