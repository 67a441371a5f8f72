import { z } from "zod";
import { AUDIO_FORMAT_NAMES } from "../../core/audio-format.ts";
import { SETTING_RANGES } from "../../core/speech-settings.ts";
import { guards, maxChars, name, sampleRateHz, version } from "../common-fields.ts";

const { min, max } = SETTING_RANGES.speed;
const factor = z.number().min(min).max(max);
const voice = z.union([
  z.string().min(1),
  z.strictObject({
    id: z.string().min(1),
    name: z.string().min(1).optional(),
    language: z.string().min(2).optional(),
    gender: z.enum(["female", "male", "neutral"]).optional(),
  }),
]);

export const aiSdkSchema = z.strictObject({
  ...{ name, type: z.literal("ai-sdk"), ...guards },
  module: z.string().min(1).describe("A package such as `@ai-sdk/openai`, or the path of a file of yours, from `./`."),
  export: z.string().min(1).describe("What the module calls it: `createOpenAI`, or a model of your own."),
  settings: z.record(z.string(), z.unknown()).optional().describe("With which the provider is made, such as `apiKey`."),
  model: z.string().min(1).optional().describe("The provider's name for the speech model."),
  voices: z.array(voice).min(1).describe("The AI SDK lists none."),
  format: z.enum(AUDIO_FORMAT_NAMES).optional().describe("Asked of the model; `mp3` if not given."),
  sampleRateHz: sampleRateHz.describe("Of what the model gives."),
  speed: z.strictObject({ min: factor, max: factor }).optional().describe("Factors that the model can do itself."),
  instructions: z.boolean().optional().describe("Whether it can be told how to speak."),
  language: z.boolean().optional().describe("Whether it can be told the language; else it hears it out of the text."),
  providerOptions: z.record(z.string(), z.unknown()).optional().describe("Handed on as they are."),
  ...{ maxChars, version },
});
