import { z } from "zod";
import { baseUrl, guards, maxChars, name, version } from "../common-fields.ts";
import { ELEVENLABS_FORMATS, type ElevenLabsFormat } from "./elevenlabs-engine.ts";

const share = z.number().min(0).max(1).optional();
const MAX_SEED = 4_294_967_295;

export const elevenLabsSchema = z.strictObject({
  ...{ name, type: z.literal("elevenlabs"), ...guards },
  apiKey: z.string({ error: "must be given: a key of your ElevenLabs account" }).min(1),
  baseUrl: baseUrl.optional().describe("Of a region or proxy, without /v1."),
  model: z.string().min(1).optional().describe("`eleven_multilingual_v2` if not given."),
  outputFormat: z
    .enum(Object.keys(ELEVENLABS_FORMATS) as ElevenLabsFormat[])
    .optional()
    .describe("`pcm_24000` if not given; plans without PCM take mp3_44100_128."),
  stability: share,
  similarityBoost: share,
  style: share,
  speakerBoost: z.boolean().optional(),
  seed: z.number().int().min(0).max(MAX_SEED).optional(),
  ...{ maxChars, version },
});
