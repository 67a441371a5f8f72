import type { Cleaning } from "./clean/cleaning.ts";

/** A place in a text, and what is said there instead. */
export type Replacement = { readonly from: number; readonly to: number; readonly says: string };

/** What is to be pronounced otherwise than it is written, in a language (BCP-47) if that is known: in order, apart from each other. */
export type Pronounce = (text: string, language: string | undefined) => readonly Replacement[];

/** What is done to texts before they are spoken. */
export type TextRules = {
  readonly cleaning: Cleaning;
  /** For requests that do not say. */
  readonly cleansByDefault: boolean;
  readonly pronounce?: Pronounce;
};

export function replaced(text: string, replacements: readonly Replacement[]): string {
  let said = "";
  let from = 0;
  for (const { from: at, to, says } of replacements) {
    said += text.slice(from, at) + says;
    from = to;
  }
  return said + text.slice(from);
}
