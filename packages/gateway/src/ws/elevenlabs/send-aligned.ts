import { alignedChunks, type TimedCharacters } from "../../http/elevenlabs/alignment.ts";
import type { OriginalText } from "../../http/elevenlabs/original-text.ts";
import { base64 } from "../../http/elevenlabs/speech-routes.ts";
import type { Speech } from "../../speech/speak.ts";
import type { SocketOut } from "../socket-out.ts";
import type { SpokenTurn } from "../spoken-turn.ts";

export type SendAlignedOptions = {
  readonly out: SocketOut;
  /** In front of every message. */
  readonly named: Readonly<Record<string, string>>;
  readonly original: OriginalText;
  /** What the first message tells beside its audio. */
  readonly told: object;
  /** The latest sentence, where another answer of the same context was sent before. */
  readonly before?: { text: string };
  readonly onSent: () => void;
};

/** Audio in ElevenLabs' messages, and with each sentence's last when its characters are heard. */
export async function sendAligned(
  { parts }: Pick<Speech, "parts">,
  turn: SpokenTurn,
  { out, named, original, told, before, onSent }: SendAlignedOptions,
): Promise<void> {
  let more: object = told;
  for await (const { audio, alignment } of alignedChunks(parts, original, before)) {
    if (!(await turn.room())) return;
    onSent();
    out.message({
      ...named,
      audio: base64(audio),
      isFinal: null,
      alignment: alignment === undefined ? null : inChunk(alignment.original, alignment.fromMs),
      normalizedAlignment: alignment === undefined ? null : inChunk(alignment.spoken, alignment.fromMs),
      ...more,
    });
    more = {};
  }
}

/** Times that begin anew with each sentence. */
function inChunk({ characters, startMs, endMs }: TimedCharacters, fromMs: number) {
  const starts = startMs.map((ms) => Math.round(ms - fromMs));
  return {
    chars: characters,
    charStartTimesMs: starts,
    charDurationsMs: endMs.map((ms, at) => Math.round(ms - fromMs) - starts[at]!),
  };
}
