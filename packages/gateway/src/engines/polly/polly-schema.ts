import { z } from "zod";
import { baseUrl, guards, maxChars, name, version } from "../common-fields.ts";
import { POLLY_FORMATS, POLLY_MODELS } from "./polly-engine.ts";

export const pollySchema = z
  .strictObject({
    ...{ name, type: z.literal("polly"), ...guards },
    region: z
      .string({ error: "must be given: an AWS region, like eu-west-1" })
      .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, "must be an AWS region, like eu-west-1")
      .describe("For example `eu-west-1`."),
    accessKeyId: z
      .string()
      .min(1)
      .optional()
      .describe("Of a user or role that may use Polly; or `credentials: chain`."),
    secretAccessKey: z.string().min(1).optional().describe("Belongs to `accessKeyId`."),
    sessionToken: z.string().min(1).optional().describe("Of temporary credentials."),
    credentials: z
      .literal("chain")
      .optional()
      .describe("Those that AWS's own tools would use; needs the package @aws-sdk/credential-provider-node."),
    baseUrl: baseUrl.optional().describe("Of a VPC endpoint."),
    model: z.enum(POLLY_MODELS).optional().describe("Polly's engine; `neural` if not given."),
    words: z
      .boolean()
      .optional()
      .describe("Word times, by a second request for speech marks, which AWS bills as well."),
    outputFormat: z
      .enum(Object.keys(POLLY_FORMATS) as (keyof typeof POLLY_FORMATS)[])
      .optional()
      .describe("`mp3` at 24 kHz if not given; `pcm` has 16 kHz."),
    ...{ maxChars, version },
  })
  .refine(({ accessKeyId, credentials }) => (accessKeyId === undefined) !== (credentials === undefined), {
    path: ["accessKeyId"],
    error: "must be given, or credentials: chain instead of it",
  })
  .refine(({ accessKeyId, secretAccessKey }) => (accessKeyId === undefined) === (secretAccessKey === undefined), {
    path: ["secretAccessKey"],
    error: "must be given with accessKeyId",
  });
