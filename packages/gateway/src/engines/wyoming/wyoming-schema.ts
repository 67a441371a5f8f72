import { z } from "zod";
import { guards, maxChars, name, sampleRateHz, version } from "../common-fields.ts";

export const wyomingSchema = z.strictObject({
  ...{ name, type: z.literal("wyoming"), ...guards },
  uri: z
    .string({ error: "must be given: tcp://HOST:PORT" })
    .regex(/^tcp:\/\/([\w.-]+|\[[\da-f:]+\]):\d{1,5}$/i, "must be tcp://HOST:PORT, like tcp://127.0.0.1:10200")
    .describe("For example `tcp://127.0.0.1:10200`."),
  sampleRateHz: sampleRateHz.optional().describe("Of its voices' models; 22050 if not given."),
  ...{ maxChars, version },
});
