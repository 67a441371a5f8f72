import { z } from "zod";

const TAG = /^[a-z]{2,8}([-_][a-z0-9]{1,8})*$/i;

const MAX_NAME_CHARS = 256;
const name = z.string().min(1).max(MAX_NAME_CHARS);
const byEngine = z.record(name, name);

/** What a voice should be like; the best one of each engine is taken where `engines` names none. */
const described = z.strictObject(
  {
    language: z.string().regex(TAG, "must be a BCP-47 tag such as en-GB").optional(),
    gender: z.enum(["female", "male", "neutral"], "must be female, male or neutral").optional(),
    age: z.enum(["child", "young", "middle", "old"], "must be child, young, middle or old").optional(),
    accent: name.optional(),
    style: name.optional(),
    engines: byEngine.optional(),
  },
  {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `"${issue.keys?.[0]}" is not known here; known: language, gender, age, accent, style, and engines, which holds engine: voice`
        : undefined,
  },
);
const DESCRIBING = Object.keys(described.shape).filter((key) => key !== "engines");

/** `voices` of the config file: engine → voice, or a description. An engine may not be called as a trait is. */
export const voiceSchemas = {
  voices: z
    .record(
      name,
      z.unknown().transform((value, context): z.infer<typeof byEngine> | z.infer<typeof described> => {
        const parsed = (isDescribed(value) ? described : byEngine).safeParse(value);
        if (parsed.success) return parsed.data;
        for (const { path, message } of parsed.error.issues)
          context.addIssue({ code: "custom", path: [...path], message });
        return z.NEVER;
      }),
    )
    .optional(),
};

export type VoicesConfig = NonNullable<z.infer<typeof voiceSchemas.voices>>;

function isDescribed(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return typeof Reflect.get(value, "engines") === "object" || DESCRIBING.some((trait) => Object.hasOwn(value, trait));
}
