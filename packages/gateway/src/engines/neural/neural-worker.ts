/**
 * The process of one model. A process and not a thread: sherpa-onnx is native code that ends its process when a model is
 * not what it expects. Started by ModelProcess, with messages as in neural-protocol.ts.
 */
import { createRequire } from "node:module";
import type { FromModel, ToModel } from "./neural-protocol.ts";

type Progress = { readonly samples: Float32Array; readonly progress: number };
type Speaker = {
  readonly sampleRate: number;
  readonly numSpeakers: number;
  generateAsync(request: {
    readonly text: string;
    readonly sid: number;
    readonly speed: number;
    /** Samples in memory of ours: buffers of foreign memory cannot be sent on. */
    readonly enableExternalBuffer: false;
    readonly onProgress: (progress: Progress) => 0 | 1;
  }): Promise<unknown>;
};
type Sherpa = { readonly OfflineTts: { createAsync(config: unknown): Promise<Speaker> } };

let speaker: Speaker | undefined;
const cancelled = new Set<number>();
const send = (message: FromModel): void => void process.send?.(message);

process.on("message", (message: ToModel) => {
  if (message.type === "cancel") cancelled.add(message.id);
  else void (message.type === "load" ? load(message) : speak(message));
});
process.on("disconnect", () => process.exit(0)); // the gateway is gone

async function load({ module, config }: Extract<ToModel, { type: "load" }>): Promise<void> {
  try {
    const { OfflineTts } = createRequire(import.meta.url)(module) as Sherpa;
    speaker = await OfflineTts.createAsync(config);
    send({ type: "ready", sampleRateHz: speaker.sampleRate, speakers: speaker.numSpeakers });
  } catch (error) {
    send({ type: "failed", reason: reasonOf(error) });
  }
}

async function speak({ id, text, speaker: sid, speed }: Extract<ToModel, { type: "speak" }>): Promise<void> {
  try {
    await speaker!.generateAsync({
      text,
      sid,
      speed,
      enableExternalBuffer: false,
      onProgress: ({ samples }) => {
        if (cancelled.has(id)) return 0;
        if (samples.length > 0) send({ type: "audio", id, samples: toInt16(samples) });
        return 1;
      },
    });
    send({ type: "done", id });
  } catch (error) {
    send({ type: "failed", id, reason: reasonOf(error) });
  } finally {
    cancelled.delete(id);
  }
}

function toInt16(samples: Float32Array): Uint8Array {
  const whole = Int16Array.from(samples, (sample) => Math.round(Math.max(-1, Math.min(1, sample)) * 32_767));
  return new Uint8Array(whole.buffer);
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0]!;
}
