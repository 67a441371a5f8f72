/** A source of numbers from 0 to 1 that gives the same ones for the same seed (mulberry32). */
export type Random = () => number;

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type ArrivalOptions = {
  /** A second, once the ramp is over. */
  readonly rate: number;
  readonly seconds: number;
  /** The rate grows from nothing over so many seconds. */
  readonly rampSeconds: number;
  readonly random: Random;
};

/**
 * When requests are to start, in ms from the beginning: a Poisson process, as many independent callers make one. It does
 * not wait for answers: that is what makes the load open-loop.
 */
export function* poissonArrivals({ rate, seconds, rampSeconds, random }: ArrivalOptions): Generator<number> {
  // Over the ramp the expected number is r·t²/2R, after it r·(t − R/2); its inverse turns even steps into times.
  const atRampEnd = (rate * rampSeconds) / 2;
  for (let expected = 0; ; ) {
    expected -= Math.log(1 - random());
    const at =
      expected < atRampEnd ? Math.sqrt((2 * rampSeconds * expected) / rate) : expected / rate + rampSeconds / 2;
    if (at >= seconds) return;
    yield at * 1000;
  }
}
