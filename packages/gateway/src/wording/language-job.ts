/** What is asked of the thread that tells languages apart. */
export type LanguageJob = {
  readonly text: string;
  /** Primary subtags; absent: any. */
  readonly among?: readonly string[];
};

export type LanguageMessage = { readonly language?: string };
