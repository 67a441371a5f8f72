const DOCUMENT = /^\s*<(\?xml|speak[\s>])/;
/** An `&` that begins no reference. */
const BARE_AMPERSAND = /&(?!#\d+;|#x[\da-f]+;|[a-z_][\w.-]*;)/gi;
const TAG = /<(\/?)[^<>]*?(\/?)>/g;

/** What a client of ElevenLabs wrote, as the document that it is part of: they send text with tags in it, without a root. */
export function documentOf(fragment: string): string {
  return DOCUMENT.test(fragment) ? fragment : `<speak>${fragment.replaceAll(BARE_AMPERSAND, "&amp;")}</speak>`;
}

/** Whether no tag and no element is open at its end. A guess that is cheap: the reader finds what is wrong. */
export function isClosed(fragment: string): boolean {
  if (fragment.lastIndexOf("<") > fragment.lastIndexOf(">")) return false;
  let depth = 0;
  for (const [, closing, empty] of fragment.matchAll(TAG)) {
    if (closing) depth--;
    else if (!empty) depth++;
  }
  return depth <= 0;
}
