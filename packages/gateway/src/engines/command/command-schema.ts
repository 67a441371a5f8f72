import { z } from "zod";
import { AUDIO_FORMAT_NAMES } from "../../core/audio-format.ts";
import { guards, maxChars, name, nearlyFree, optional, sampleRateHz, version } from "../common-fields.ts";
import { PLACEHOLDERS, placeholdersIn } from "./fill-arguments.ts";

const voice = z.strictObject({
  id: z.string().min(1),
  name: z.string().min(1).optional(),
  language: z.string().min(2).optional(),
  gender: z.enum(["female", "male", "neutral"]).optional(),
});

const MAX_GRACE_MS = 60_000;

export const commandSchema = z
  .strictObject({
    ...{ name, type: z.literal("command"), ...guards, optional },
    command: z
      .string()
      .regex(/^\S.*$/, "must be a program's name or path")
      .describe("A program by name or path; no shell reads it."),
    args: z.array(z.string()).optional().describe("One by one, with {voice}, {speed}, {text}… filled in."),
    input: z.enum(["stdin", "argument", "file"]).optional().describe("How it gets the text; `stdin` if not given."),
    format: z.enum(AUDIO_FORMAT_NAMES).optional().describe("What it writes; `wav` if not given."),
    sampleRateHz: sampleRateHz.describe("Of what it writes."),
    voices: z
      .array(
        z.union([
          z
            .string()
            .min(1)
            .transform((id) => ({ id })),
          voice,
        ]),
      )
      .min(1)
      .optional()
      .describe("What {voice} may be; one voice with the engine's name if not given."),
    env: z
      .record(z.string(), z.string())
      .optional()
      .describe("Its environment besides PATH and LANG; nothing else is passed on."),
    ...{ maxChars, nearlyFree, version },
    killGraceMs: z
      .number()
      .int()
      .min(0)
      .max(MAX_GRACE_MS)
      .optional()
      .describe("From SIGTERM to SIGKILL; 1000 if not given."),
  })
  .superRefine(({ args = [], input = "stdin" }, context) => {
    const used = placeholdersIn(args);
    const unknown = [...used].find((placeholder) => !PLACEHOLDERS.some((known) => known === placeholder));
    const problem = (message: string): void => context.addIssue({ code: "custom", path: ["args"], message });
    if (unknown !== undefined) problem(`there is no {${unknown}}; there are {${PLACEHOLDERS.join("}, {")}}`);
    for (const [placeholder, mode] of [
      ["text", "argument"],
      ["file", "file"],
    ] as const) {
      if (used.has(placeholder) && input !== mode) problem(`{${placeholder}} needs input: ${mode}`);
      if (!used.has(placeholder) && input === mode) problem(`input: ${mode} needs {${placeholder}} in one of them`);
    }
  });
