import { z } from "zod";
import { baseUrl, guards, maxChars, name, version } from "../common-fields.ts";
import { DEEPGRAM_RATES } from "./deepgram-engine.ts";

export const deepgramSchema = z.strictObject({
  ...{ name, type: z.literal("deepgram"), ...guards },
  apiKey: z.string({ error: "must be given: a key of your Deepgram project" }).min(1).describe("Of your project."),
  baseUrl: baseUrl.optional().describe("Of the EU (`https://api.eu.deepgram.com`) or of your own installation."),
  sampleRateHz: z.literal(DEEPGRAM_RATES).optional().describe("24000 if not given."),
  nativeSpeed: z
    .boolean()
    .optional()
    .describe("Speed from 0.7 to 1.5 by Deepgram itself, which Aura-2's English and Spanish voices have."),
  optOut: z.boolean().optional().describe("Texts are not used to train Deepgram's models, at another price."),
  ...{ maxChars, version },
});
