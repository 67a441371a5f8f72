/**
 * Calls `tick` with the whole seconds that are left, now and at each change, and `done` once at zero. Returns its cancel.
 * Counts on the clock, not on its own ticks: a background tab gets those late.
 */
export function countdown(lengthMs: number, tick: (secondsLeft: number) => void, done: () => void): () => void {
  const endsAt = performance.now() + lengthMs;
  let shown: number | undefined;
  const look = () => {
    const leftMs = endsAt - performance.now();
    if (leftMs <= 0) {
      clearInterval(timer);
      done();
      return;
    }
    const seconds = Math.ceil(leftMs / 1000);
    if (seconds !== shown) tick(seconds);
    shown = seconds;
  };
  const timer = setInterval(look, 100);
  look();
  return () => clearInterval(timer);
}
