import { z } from "zod";
import { baseUrl, guards, maxChars, name, version } from "../common-fields.ts";
import { GOOGLE_FORMATS } from "./google-engine.ts";

export const googleSchema = z
  .strictObject({
    ...{ name, type: z.literal("google"), ...guards },
    apiKey: z.string().min(1).optional().describe("An API key that may use Text-to-Speech; or give `credentials`."),
    credentials: z
      .string()
      .min(1)
      .optional()
      .describe(
        "Path of a service account's key or of application default credentials; `metadata`: the machine's own.",
      ),
    baseUrl: baseUrl.optional().describe("Of a region, for example `https://eu-texttospeech.googleapis.com`."),
    metadataUrl: baseUrl.optional().describe("Of the metadata server, where it is not Google's."),
    model: z
      .string()
      .min(1)
      .optional()
      .describe("A Gemini model, for example `gemini-2.5-flash-tts`: other voices, and instructions."),
    words: z.boolean().optional().describe("Word times, by marks between the words; for voices that take SSML."),
    outputFormat: z
      .enum(Object.keys(GOOGLE_FORMATS) as (keyof typeof GOOGLE_FORMATS)[])
      .optional()
      .describe("`LINEAR16` if not given."),
    ...{ maxChars, version },
  })
  .refine(({ apiKey, credentials }) => (apiKey === undefined) !== (credentials === undefined), {
    path: ["apiKey"],
    error: "must be given, or credentials instead of it",
  })
  .refine(({ model, words }) => model === undefined || words !== true, {
    path: ["words"],
    error: "Gemini's models have no word times; leave it out",
  });
