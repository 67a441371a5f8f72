import { z } from "zod";
import { baseUrl, guards, maxChars, name, version } from "../common-fields.ts";
import { ELEVENLABS_FORMATS, type ElevenLabsFormat } from "./elevenlabs-engine.ts";

const share = z.number().min(0).max(1).optional();
const MAX_SEED = 4_294_967_295;

export const elevenLabsSchema = z.strictObject({
  ...{ name, type: z.literal("elevenlabs"), ...guards },
  apiKey: z.string({ error: "must be given: a key of your ElevenLabs account" }).min(1).describe("Of your account."),
  baseUrl: baseUrl.optional().describe("Of a region or proxy, without /v1."),
  model: z.string().min(1).optional().describe("`eleven_multilingual_v2` if not given."),
  outputFormat: z
    .enum(Object.keys(ELEVENLABS_FORMATS) as ElevenLabsFormat[])
    .optional()
    .describe("`pcm_24000` if not given; plans without PCM take mp3_44100_128."),
  stability: share.describe("Lower: livelier, and less alike from text to text. The voice's own if not given."),
  similarityBoost: share.describe("How close to the original speaker. The voice's own if not given."),
  style: share.describe("How much of the speaker's style is exaggerated. The voice's own if not given."),
  speakerBoost: z.boolean().optional().describe("More like the speaker, at the cost of time."),
  seed: z
    .number()
    .int()
    .min(0)
    .max(MAX_SEED)
    .optional()
    .describe("The same text sounds alike as far as the model can."),
  ...{ maxChars, version },
});
