import type { AudioFormat } from "../core/audio-format.ts";
import type { AudioInspection, SoundPart } from "../core/ports.ts";
import type { SoundShape } from "../core/sound-shape.ts";

/** What becomes of the audio of a job. */
export type Conversion = {
  readonly from: AudioFormat;
  /** Absent: it is only listened to. */
  readonly to?: AudioFormat;
  readonly shape?: SoundShape;
  readonly part?: SoundPart;
  /** Of what is decoded; more of it fails. */
  readonly maxMs?: number;
};

/** What is known at the end: what was listened to, and how long the sound was that was encoded. */
export type Heard = AudioInspection & { readonly soundMs: number };

/** What the main thread tells a transcoding worker. Bytes are handed over, never shared. */
export type ToWorker =
  | ({ readonly type: "start"; readonly job: number } & Conversion)
  | { readonly type: "input"; readonly job: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: "end"; readonly job: number }
  /** So many bytes of output have been taken by the consumer. */
  | { readonly type: "taken"; readonly job: number; readonly bytes: number }
  | { readonly type: "cancel"; readonly job: number };

export type FromWorker =
  | { readonly type: "output"; readonly job: number; readonly bytes: Uint8Array }
  /** So many bytes of input have been worked off: there is room for more. */
  | { readonly type: "consumed"; readonly job: number; readonly bytes: number }
  | { readonly type: "done"; readonly job: number; readonly heard: Heard }
  | { readonly type: "failed"; readonly job: number; readonly message: string };

/** Input on its way to a worker or waiting in it, per job. */
export const MAX_INPUT_BYTES = 64 * 1024;
/** Output on its way to the consumer or waiting for it, per job, before the worker pauses the job. */
export const MAX_OUTPUT_BYTES = 64 * 1024;
