import { z } from "zod";
import { baseUrl, guards, maxChars, name, version } from "../common-fields.ts";
import { CARTESIA_RATES } from "./cartesia-engine.ts";

export const cartesiaSchema = z.strictObject({
  ...{ name, type: z.literal("cartesia"), ...guards },
  apiKey: z.string({ error: "must be given: a key of your Cartesia account" }).min(1).describe("Of your account."),
  baseUrl: baseUrl.optional().describe("Of a proxy."),
  model: z.string().min(1).optional().describe("`sonic-3.5` if not given."),
  words: z.boolean().optional().describe("Word times; false: bytes without base64, a quarter less traffic."),
  sampleRateHz: z.literal(CARTESIA_RATES).optional().describe("24000 if not given."),
  ...{ maxChars, version },
});
