/**
 * Mutants that no test can notice, or that no test should: each by the line it changes and what it makes of it. One that does
 * not survive any more is told of too, so that this list stays short.
 */
export type Equivalent = {
  /** Below packages/gateway/src/. */
  readonly file: string;
  /** The line, or enough of it to know it by. */
  readonly line: string;
  /** What stands there instead, spaces squeezed; without it, every mutant of the line. */
  readonly mutant?: string;
  readonly why: string;
};

const ABORT_ONCE = "a signal aborts once; that the listener goes with it only lets go of it sooner";

export const EQUIVALENT: readonly Equivalent[] = [
  {
    file: "speech/shared-synthesis.ts",
    line: 'signal.addEventListener("abort", leave, { once: true });',
    mutant: "{}",
    why: ABORT_ONCE,
  },
  {
    file: "speech/shared-synthesis.ts",
    line: 'signal.addEventListener("abort", leave, { once: true });',
    mutant: "false",
    why: ABORT_ONCE,
  },
  {
    file: "speech/shared-synthesis.ts",
    line: 'signal.addEventListener("abort", wake, { once: true });',
    mutant: "{}",
    why: ABORT_ONCE,
  },
  {
    file: "speech/shared-synthesis.ts",
    line: 'signal.addEventListener("abort", wake, { once: true });',
    mutant: "false",
    why: ABORT_ONCE,
  },
];
