/** Sews complete streams of one format into one. Calls come in the order startPart, push…, endPart, …, finish. */
export interface Seam {
  startPart(): void;
  push(bytes: Uint8Array): Uint8Array[];
  /** Throws if the part was not a whole stream of its format. */
  endPart(): Uint8Array[];
  finish(): Uint8Array[];
  /** As `JoinedStream` says of both. */
  readonly partStartMs: number | undefined;
  readonly lengthMs: number;
  /** Writes the lengths, known now, into the header of all that was given out. Absent where a format has none. */
  setLengths?(whole: Uint8Array): void;
}
