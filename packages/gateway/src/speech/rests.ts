import type { AudioFormat } from "../core/audio-format.ts";
import type { CallOptions, MakeSilence, Silence } from "../core/ports.ts";
import type { Rest } from "../core/script.ts";

/** A rest whose silence is made. */
export type MadeRest = Pick<Rest, "marks"> & { readonly silence: Silence };

/** Makes the silence of a rest, where there is any. */
export async function madeRest(
  rest: Rest | undefined,
  format: AudioFormat,
  makeSilence: MakeSilence,
  options: CallOptions,
): Promise<MadeRest | undefined> {
  if (rest === undefined || rest.ms === 0) return undefined;
  return { marks: rest.marks, silence: await makeSilence(format, rest.ms, options) };
}
