import { z } from "zod";

const MAX_RULES = 5_000;
const MAX_CHARS = 500;
const words = z.string().min(1).max(MAX_CHARS);

const rule = z.strictObject({
  find: words.optional(),
  pattern: words.optional(),
  say: z.string().max(MAX_CHARS),
  language: z.string().optional(),
  words: z.boolean().optional(),
  matchCase: z.boolean().optional(),
});

/** `text` and `pronunciations` of the config file: what is done to texts before they are spoken. */
export const textSchemas = {
  text: z
    .strictObject({
      clean: z.boolean().optional(),
      code: z.enum(["skip", "read"], "must be skip or read").optional(),
      urls: z.enum(["site", "skip", "read"], "must be site, skip or read").optional(),
      emoji: z.enum(["skip", "read"], "must be skip or read").optional(),
      tables: z.enum(["read", "skip"], "must be read or skip").optional(),
    })
    .optional(),
  pronunciations: z.array(rule).max(MAX_RULES).optional(),
};

export type TextConfig = NonNullable<z.infer<typeof textSchemas.text>>;
export type PronunciationConfig = z.infer<typeof rule>;
