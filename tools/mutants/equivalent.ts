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

export const EQUIVALENT: readonly Equivalent[] = [];
