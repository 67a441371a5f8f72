import { z } from "zod";
import { AUDIO_FORMAT_NAMES } from "../core/audio-format.ts";
import { baseUrl, guards, maxChars, name, nearlyFree, sampleRateHz, version } from "./common-fields.ts";

const passModel = z
  .boolean()
  .optional()
  .describe("A caller's OpenAI model name goes to the server, and into the cache key. Default: `model`, always.");

/** Any server that speaks OpenAI's protocol. */
export const openAiCompatibleSchema = z.strictObject({
  ...{ name, type: z.literal("openai-compatible"), ...guards },
  baseUrl: baseUrl.describe("With its /v1."),
  apiKey: z.string().min(1).optional().describe("Sent as a bearer token."),
  model: z.string().min(1).optional().describe("Sent when the caller names none."),
  passModel,
  voices: z.array(z.string().min(1)).min(1).optional().describe("Its voices, if it does not list them itself."),
  formats: z.array(z.enum(AUDIO_FORMAT_NAMES)).min(1).optional().describe("Formats it can make; all six if not given."),
  nativeFormat: z.enum(AUDIO_FORMAT_NAMES).optional().describe("Always ask for this one."),
  sampleRateHz: sampleRateHz.optional().describe("Of the native format."),
  ...{ maxChars, nearlyFree, version },
});

/** OpenAI itself. */
export const openAiSchema = z.strictObject({
  ...{ name, type: z.literal("openai"), ...guards },
  apiKey: z.string({ error: "must be given: a key of your OpenAI account" }).min(1).describe("Of your account."),
  model: z
    .string({ error: "must be given: one of the speech models that your OpenAI account has" })
    .min(1)
    .describe("OpenAI ends tts-1, tts-1-hd and gpt-4o-mini-tts on 2027-01-06."),
  baseUrl: baseUrl.optional().describe("Of a proxy, with its /v1."),
  ...{ passModel, maxChars, version },
});
