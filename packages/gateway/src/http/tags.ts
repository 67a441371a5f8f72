import type { IncomingHttpHeaders } from "node:http";
import { Type } from "typebox";
import { MAX_TAGS_PER_REQUEST, TAG_PATTERN } from "../core/entry-match.ts";
import { SpeechError } from "../core/errors.ts";

/** Field of a body that names what is said. */
export const TagField = Type.String({
  pattern: TAG_PATTERN,
  description: "What is said can be purged by this name. Also as a header, `mynah-tag`, up to four. Not OpenAI's.",
});

const TAG = new RegExp(TAG_PATTERN);

/**
 * The names under which a request's audio can be purged: of its body or query, and of `mynah-tag: a, b`. Those of a request
 * that opens a socket are for all that is said on it. Throws `invalid_request`.
 */
export function tagsOf(
  { headers }: { readonly headers: IncomingHttpHeaders },
  ...fields: readonly (string | undefined)[]
): { readonly tags?: readonly string[] } {
  const header = headers["mynah-tag"];
  const given = fields.filter((field) => field !== undefined);
  if (header === undefined && given.length === 0) return {};
  const written = [header ?? []]
    .flat()
    .join(",")
    .split(",")
    .map((tag) => tag.trim());
  const tags = new Set([...given, ...written.filter((tag) => tag !== "")]);
  if (tags.size > MAX_TAGS_PER_REQUEST || ![...tags].every((tag) => TAG.test(tag))) {
    const message = `mynah-tag takes up to ${MAX_TAGS_PER_REQUEST} names of letters, digits and . _ : / @ -, 64 long at most`;
    throw new SpeechError("invalid_request", message, { param: "mynah-tag" });
  }
  return { tags: [...tags] };
}
