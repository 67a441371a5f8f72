const ELEMENT = /<phoneme alphabet="([^"<>]*)" ph="([^"<>]*)">([^<>]*)<\/phoneme>/g;

/**
 * SSML without its `phoneme` elements, their text left in. Undefined: an alphabet that is not one of these, or symbols that
 * are none (here: a question mark), for which the services refuse the whole text.
 */
export function withoutPhonemes(ssml: string, alphabets: readonly string[]): string | undefined {
  let refused = false;
  const text = ssml.replace(ELEMENT, (_, alphabet: string, phonemes: string, inner: string) => {
    refused ||= !alphabets.includes(alphabet) || phonemes.trim() === "" || phonemes.includes("?");
    return inner;
  });
  return refused ? undefined : text;
}
