/** What becomes of the parts of a chat's markup that are no text. */
export type Cleaning = {
  /** Fenced blocks and indented output of programs. `inline code` is always read. */
  readonly code: "skip" | "read";
  /** Bare addresses: the site's name, nothing, or letter by letter as the engine does it. Links with a text are their text. */
  readonly urls: "site" | "skip" | "read";
  readonly emoji: "skip" | "read";
  /** Row by row with commas between the cells, or not at all. */
  readonly tables: "read" | "skip";
};

export const DEFAULT_CLEANING: Cleaning = { code: "skip", urls: "site", emoji: "skip", tables: "read" };

/** What a recognizer found at a place: so many characters mean this, which may be `marked` up itself. `wait`: what follows would decide. */
export type Found = { readonly length: number; readonly says: string; readonly marked?: true } | "wait" | undefined;

/**
 * Looks at the text from `at` on. `final`: nothing follows. What it finds must not depend on how much follows, beyond what it
 * waits for: then a text is cleaned alike however it is cut.
 */
export type Recognize = (text: string, at: number, final: boolean, cleaning: Cleaning) => Found;
