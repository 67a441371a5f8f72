import { Type } from "typebox";
import { CARTESIA } from "./cartesia.ts";

const security: Record<string, string[]>[] = [{ bearer: [] }, { xApiKey: [] }];
/** Of every route's schema. */
export const cartesiaCommon = { tags: [CARTESIA.name], security };

const ErrorBody = Type.Object({
  error_code: Type.String(),
  title: Type.String(),
  message: Type.String(),
  request_id: Type.String(),
});
const error = { content: { "application/json": { schema: ErrorBody } } };

/** Refusals and failures, in Cartesia's shape. */
export const cartesiaErrors = {
  "4xx": { description: "A refusal.", ...error },
  "5xx": { description: "A failure.", ...error },
};

const OrNull = Type.Union([Type.String(), Type.Null()]);

export const VoiceBody = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Type.String(),
  tagline: Type.String(),
  language: Type.String(),
  locales: Type.Array(Type.Object({ locale: Type.String(), is_native: Type.Boolean() })),
  gender: OrNull,
  country: OrNull,
  accent: Type.Null(),
  access: Type.String(),
  visibility: Type.String(),
  is_owner: Type.Boolean(),
  is_public: Type.Boolean(),
  created_at: Type.String(),
  preview_file_url: Type.Null(),
});
