import { type Static, type TSchema, Type } from "typebox";
import { SpeechError } from "../../core/errors.ts";
import { SETTING_RANGES } from "../../core/speech-settings.ts";
import type { CachePolicy, Utterance } from "../../core/utterance.ts";
import { type Output, outputFormatOf } from "./output-format.ts";

const OrNull = <Schema extends TSchema>(schema: Schema) => Type.Optional(Type.Union([schema, Type.Null()]));
const Name = Type.String({ minLength: 1, maxLength: 256 });
const { speed, volume } = SETTING_RANGES;

/** How to speak: over HTTP, and on a socket with every message of a context. What Cartesia has beside is taken, and not heard. */
export const settingsFields = {
  model_id: Name,
  voice: Type.Union([Name, Type.Object({ mode: Type.Optional(Type.String()), id: Type.Optional(Name) })]),
  output_format: Type.Object({
    container: Type.String(),
    encoding: Type.Optional(Type.String()),
    sample_rate: Type.Optional(Type.Number()),
    bit_rate: Type.Optional(Type.Number()),
  }),
  language: OrNull(Type.String({ pattern: "^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$", maxLength: 35 })),
  locale: OrNull(Type.String({ pattern: "^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$", maxLength: 35 })),
  speed: OrNull(Type.Enum(["slow", "normal", "fast"])),
  generation_config: OrNull(
    Type.Object({
      speed: OrNull(Type.Number({ minimum: speed.min, maximum: speed.max })),
      volume: OrNull(Type.Number({ minimum: volume.min, maximum: volume.max })),
    }),
  ),
};

export const SpeechBody = Type.Object({ transcript: Type.String(), ...settingsFields });
/** What of the fields that are not heard shapes the sound at Cartesia: whoever sends one is told. */
export const NOT_HEARD = ["generation_config.emotion", "pronunciation_dict_id", "normalization"] as const;
export type CartesiaSettings = Omit<Static<typeof SpeechBody>, "transcript">;

export const EventsBody = Type.Object({
  ...SpeechBody.properties,
  add_timestamps: OrNull(Type.Boolean()),
  context_id: OrNull(Name),
});

/** What their words for speeds are taken for. */
const SPEEDS = { slow: 0.8, normal: 1, fast: 1.25 } as const;

/** In our words, and what is made of the audio on its way out. Throws `invalid_request`. */
export function utteranceOf(
  transcript: string,
  settings: CartesiaSettings,
  cache: CachePolicy,
  who: Pick<Utterance, "subject" | "tenant" | "plan">,
): { utterance: Utterance; output: Output } {
  const { model_id: model, generation_config: config, output_format: asked } = settings;
  const output = outputFormatOf(asked);
  const language = (settings.locale ?? settings.language)?.replaceAll("_", "-");
  const utterance: Utterance = {
    text: transcript,
    voice: voiceOf(settings.voice),
    model: model.startsWith("sonic") ? "auto" : model,
    speed: config?.speed ?? SPEEDS[settings.speed ?? "normal"],
    volume: config?.volume ?? 1,
    pitch: 1,
    format: output.format,
    cache,
    ...who,
    ...(language !== undefined && { language }),
  };
  return { utterance, output };
}

function voiceOf(voice: CartesiaSettings["voice"]): string {
  const id = typeof voice === "string" ? voice : voice.id;
  if (id !== undefined) return id;
  throw new SpeechError("invalid_request", '"voice.id" is required; voices by embedding are not spoken here', {
    param: "voice.id",
  });
}
