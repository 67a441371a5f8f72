/** Monotonic milliseconds that all processes of this machine share, so that what they tell can be put in order. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
