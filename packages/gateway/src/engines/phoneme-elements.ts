import type { PronouncedPart, SynthesisRequest } from "../core/ports.ts";
import { escapedAttribute, escapedText } from "./xml-text.ts";

/** A piece of a text, and how it is pronounced if that is given. */
export type TextPiece = { readonly text: string; readonly said?: PronouncedPart };

/** The text in order: parts whose pronunciation is given, and what is between them. */
export function textPieces({ text, phonemes = [] }: Pick<SynthesisRequest, "text" | "phonemes">): TextPiece[] {
  const pieces: TextPiece[] = [];
  let at = 0;
  for (const said of phonemes) {
    if (said.from > at) pieces.push({ text: text.slice(at, said.from) });
    pieces.push({ text: text.slice(said.from, said.to), said });
    at = said.to;
  }
  if (at < text.length) pieces.push({ text: text.slice(at) });
  return pieces;
}

/** The piece as SSML says it, which is what Azure, Google and Polly take alike. */
export function pieceSsml({ text, said }: TextPiece): string {
  if (said === undefined) return escapedText(text);
  const attributes = `alphabet="${escapedAttribute(said.alphabet)}" ph="${escapedAttribute(said.phonemes)}"`;
  return `<phoneme ${attributes}>${escapedText(text)}</phoneme>`;
}

/** The request's text as SSML, to stand between two tags. */
export function textSsml(request: Pick<SynthesisRequest, "text" | "phonemes">): string {
  return textPieces(request).map(pieceSsml).join("");
}
