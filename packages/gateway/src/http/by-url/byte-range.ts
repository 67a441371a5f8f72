/** One range of a body, both ends included. */
export type ByteRange = { readonly from: number; readonly to: number };

export type RangeRequest =
  /** None was asked for, or in a form that RFC 9110 lets a server ignore (several ranges, another unit). */
  | { readonly kind: "whole" }
  | { readonly kind: "from"; readonly from: number; readonly to: number | undefined }
  /** The last bytes. */
  | { readonly kind: "last"; readonly bytes: number };

const RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/;

/** Reads a `Range` header (RFC 9110 §14.2). */
export function parseRange(header: string | undefined): RangeRequest {
  const [, first, last] = RANGE.exec(header?.replaceAll(" ", "") ?? "") ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return { kind: "whole" };
  if (first === "") return { kind: "last", bytes: Number(last) };
  const from = Number(first);
  const to = last === "" ? undefined : Number(last);
  return to !== undefined && to < from ? { kind: "whole" } : { kind: "from", from, to };
}

/** Whether the answer can begin before its length is known. */
export function beginsAtStart(range: RangeRequest): boolean {
  return range.kind === "whole" || (range.kind === "from" && range.from === 0 && range.to === undefined);
}

/** The bytes of a body of this length. Undefined: none of them, which is answered with 416. */
export function resolveRange(range: Exclude<RangeRequest, { kind: "whole" }>, length: number): ByteRange | undefined {
  const from = range.kind === "last" ? Math.max(0, length - range.bytes) : range.from;
  const to = range.kind === "last" ? length - 1 : Math.min(range.to ?? length - 1, length - 1);
  return from > to ? undefined : { from, to };
}
