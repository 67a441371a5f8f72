import { type AudioFormatName, type CacheOutcome, connect, MynahError, type SpeechSocket } from "@mynah/client";
import { askJson } from "../shared/api.ts";
import { measure } from "./measured-audio.ts";
import { fieldsOf, type Said, type SayOptions } from "./said.ts";

/** As an audio element knows them; the same that the gateway sends over HTTP. */
const TYPES: Readonly<Record<AudioFormatName, string>> = {
  mp3: "audio/mpeg",
  opus: "audio/ogg; codecs=opus",
  aac: "audio/aac",
  flac: "audio/flac",
  wav: "audio/wav",
  pcm: "audio/pcm;rate=24000",
};

export type SocketSayer = {
  /** Rejects with `unreachable` where no socket gets through, as behind some proxies. */
  say(options: SayOptions): Promise<Said>;
  /** The key is another one now. */
  reset(): void;
};

/** Speaks over one socket that is opened when it is first needed. */
export function socketSayer({ baseUrl, key }: { baseUrl: string; key: () => string }): SocketSayer {
  let open: Promise<SpeechSocket> | undefined;

  return {
    async say({ wish, element, signal, onFirstAudio, onWords }) {
      open ??= openSocket(baseUrl, key());
      const socket = await open.catch((error: unknown) => {
        open = undefined; // the next time may be better
        throw error;
      });
      signal.throwIfAborted();
      const askedAtMs = performance.now();
      const utterance = socket.speak({ ...fieldsOf(wish), words: true, retryWithinMs: 0, signal });
      utterance.on("words", () => onWords?.(utterance.words));
      const measured = await measure({
        ...{ audio: utterance.audio, contentType: TYPES[wish.format], element, askedAtMs },
        onFirstAudio: (firstAudioMs) => onFirstAudio?.({ cache: undefined, firstAudioMs }),
      });
      const [started, done] = await Promise.all([utterance.started, utterance.done]);
      signal.throwIfAborted();
      if (done.outcome !== "done") throw MynahError.of({ code: "audio_cut_off", message: "The audio broke off" });
      return {
        ...measured,
        ...{ wish, engine: done.engine, voice: started.voice, durationMs: done.durationMs, words: utterance.words },
        ...{ requestId: undefined, cache: outcomeOf(done.segments) },
        serverTiming: [
          { name: "gateway", durationMs: done.latencyMs, description: "from the text to the first audio" },
        ],
      };
    },
    reset() {
      void open?.then((socket) => socket.close()).catch(() => {});
      open = undefined;
    },
  };
}

/** A socket whose gateway has said that it is ready. */
function openSocket(baseUrl: string, key: string): Promise<SpeechSocket> {
  const token = async () => {
    const asked = { key, method: "POST", body: {} };
    return (await askJson<{ token: string }>("/v1/speech/tokens", asked)).token;
  };
  const socket = connect({ baseUrl, ...(key && { token }) });
  return new Promise((resolve, reject) => {
    let ready = false;
    socket.on("ready", () => {
      ready = true;
      resolve(socket);
    });
    socket.on("lost", (error) => {
      if (ready) return; // it is had anew when somebody speaks
      reject(error);
      void socket.close();
    });
  });
}

/** What the counts of a `done` say in the words of `Cache-Status`. */
export function outcomeOf(segments: Readonly<Record<"hit" | "miss" | "coalesced" | "stale", number>>): CacheOutcome {
  const { hit, miss, coalesced, stale } = segments;
  const all = hit + miss + coalesced + stale;
  if (miss + coalesced === 0) return { state: stale > 0 ? "stale" : "hit", stored: false };
  if (hit + stale > 0) return { state: "partial", stored: false, detail: `${hit + stale}/${all}` };
  return { state: miss === 0 ? "coalesced" : "miss", stored: false };
}
