import { z } from "zod";
import { baseUrl, guards, maxChars, name, version } from "../common-fields.ts";
import { AZURE_FORMATS, type AzureFormat } from "./azure-engine.ts";

export const azureSchema = z
  .strictObject({
    ...{ name, type: z.literal("azure"), ...guards },
    apiKey: z
      .string({ error: "must be given: a key of your Azure Speech resource" })
      .min(1)
      .describe("Of the resource."),
    region: z
      .string()
      .regex(/^[a-z0-9]+$/, "must be a region in small letters, like westeurope")
      .optional()
      .describe("Of the resource, for example `westeurope`; or give `baseUrl`."),
    baseUrl: baseUrl
      .optional()
      .describe(
        "What stands before /cognitiveservices: `https://NAME.cognitiveservices.azure.com/tts`, or a container's.",
      ),
    deployment: z.string().min(1).optional().describe("Deployment id of a custom neural voice."),
    outputFormat: z
      .enum(Object.keys(AZURE_FORMATS) as AzureFormat[])
      .optional()
      .describe("`raw-24khz-16bit-mono-pcm` if not given."),
    ...{ maxChars, version },
  })
  .refine(({ region, baseUrl: url }) => (region === undefined) !== (url === undefined), {
    path: ["region"],
    error: "must be given, or baseUrl instead of it",
  });
