import type { FastifyRequest } from "fastify";
import { Type } from "typebox";
import { MAX_TAGS_PER_REQUEST, TAG_PATTERN } from "../core/entry-match.ts";
import { SpeechError } from "../core/errors.ts";

/** Field of a body that names what is said. */
export const TagField = Type.String({
  pattern: TAG_PATTERN,
  description: "What is said can be purged by this name. Also as a header, `mynah-tag`, up to four. Not OpenAI's.",
});

const TAG = new RegExp(TAG_PATTERN);

/** The names under which a request's audio can be purged: of its body and of `mynah-tag: a, b`. */
export function tagsOf({ headers }: FastifyRequest, field?: string): { readonly tags?: readonly string[] } {
  const header = headers["mynah-tag"];
  if (header === undefined && field === undefined) return {};
  const written = [header ?? []]
    .flat()
    .join(",")
    .split(",")
    .map((tag) => tag.trim());
  const tags = new Set([...(field === undefined ? [] : [field]), ...written.filter((tag) => tag !== "")]);
  if (tags.size > MAX_TAGS_PER_REQUEST || ![...tags].every((tag) => TAG.test(tag))) {
    const message = `mynah-tag takes up to ${MAX_TAGS_PER_REQUEST} names of letters, digits and . _ : / @ -, 64 long at most`;
    throw new SpeechError("invalid_request", message, { param: "mynah-tag" });
  }
  return { tags: [...tags] };
}
