/** At most `limit` admissions in any stretch of time of `lengthMs`. */
export type Window = { readonly name: string; readonly limit: number; readonly lengthMs: number };

/** How full one window is after a decision. `resetMs`: until one more admission fits again (0 if one fits now). */
export type WindowState = { readonly window: Window; readonly remaining: number; readonly resetMs: number };

export type Decision =
  | { readonly admitted: true; readonly states: readonly WindowState[] }
  | {
      readonly admitted: false;
      /** Until every window has room. Exact: one millisecond earlier would be refused again. */
      readonly retryAfterMs: number;
      /** The window that opens last. */
      readonly window: Window;
      readonly states: readonly WindowState[];
    };
