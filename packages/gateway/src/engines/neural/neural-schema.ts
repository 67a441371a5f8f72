import { z } from "zod";
import { guards, maxChars, name, optional, version, workers } from "../common-fields.ts";
import { MODEL_TYPES } from "./model-folder.ts";

export const neuralSchema = z.strictObject({
  ...{ name, type: z.literal("neural"), workers, ...guards, optional, maxChars, version },
  model: z.string().min(1).describe("Folder of the model, as its archive unpacks."),
  modelType: z.enum(MODEL_TYPES).optional().describe("Not given: by the files in the folder."),
  modelFile: z.string().min(1).optional().describe("Which .onnx of the folder, where there are several."),
  vocoder: z.string().min(1).optional().describe("Matcha's vocoder, if it is not in the folder."),
  language: z
    .string()
    .regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/, "must be a language tag, like en-US")
    .optional()
    .describe("Of all its voices, BCP-47; not given: by the folder's name, else unknown."),
  voices: z
    .array(
      z.strictObject({
        id: z.string().min(1),
        speaker: z.number().int().min(0).optional(),
        name: z.string().min(1).optional(),
        language: z.string().min(2).optional(),
        gender: z.enum(["female", "male", "neutral"]).optional(),
      }),
    )
    .min(1)
    .optional()
    .describe("Names for its speakers, by number; not given: `0`, `1`, …"),
  threads: z.number().int().min(1).max(64).optional().describe("Of one synthesis; 1 if not given."),
  loadTimeoutMs: z
    .number()
    .int()
    .min(100)
    .max(600_000)
    .optional()
    .describe("For loading the model; 60000 if not given."),
  modulePath: z.string().min(1).optional().describe("Of sherpa-onnx-node, if it is not among our own packages."),
});
