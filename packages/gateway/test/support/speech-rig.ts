import { hash } from "node:crypto";
import { createAudioJoiner } from "../../src/audio/join.ts";
import { createSilence } from "../../src/audio/silence.ts";
import { createTranscoder } from "../../src/audio/transcode.ts";
import type { AudioFormat, AudioFormatName } from "../../src/core/audio-format.ts";
import { type Clock, systemClock } from "../../src/core/clock.ts";
import { EventBus } from "../../src/core/events.ts";
import type { AudioStore, RateLimiter, SpeechEngine } from "../../src/core/ports.ts";
import type { TextRules } from "../../src/core/text/text-rules.ts";
import { DEFAULT_CACHE_POLICY, type Utterance } from "../../src/core/utterance.ts";
import { MemoryRateLimiter } from "../../src/limits/memory-rate-limiter.ts";
import { countEvents } from "../../src/observe/stats.ts";
import { createConverse } from "../../src/speech/converse.ts";
import { createEngineCall } from "../../src/speech/engine-call.ts";
import { EngineChain } from "../../src/speech/engine-chain.ts";
import type { EngineGuards } from "../../src/speech/engine-state.ts";
import { EngineStates } from "../../src/speech/engine-states.ts";
import { SegmentCache } from "../../src/speech/segment-cache.ts";
import { createSpeak } from "../../src/speech/speak.ts";
import { type Candidate, VoiceCatalogue } from "../../src/speech/voice-catalogue.ts";
import { MemoryAudioStore } from "../../src/stores/memory-audio-store.ts";

const HZ = 24_000;
export const FORMATS: Record<AudioFormatName, AudioFormat> = {
  mp3: { name: "mp3", sampleRateHz: HZ, bitrateBps: 48_000 },
  opus: { name: "opus", sampleRateHz: HZ, bitrateBps: 24_000 },
  aac: { name: "aac", sampleRateHz: HZ, bitrateBps: 48_000 },
  flac: { name: "flac", sampleRateHz: HZ },
  wav: { name: "wav", sampleRateHz: HZ },
  pcm: { name: "pcm", sampleRateHz: HZ },
};

export type RigOptions = {
  readonly engines: readonly SpeechEngine[];
  readonly store?: AudioStore;
  readonly clock?: Clock;
  readonly engineTimeoutMs?: number;
  readonly guards?: Partial<EngineGuards>;
  readonly limitPerMinute?: number;
  readonly limiter?: RateLimiter;
  readonly countHits?: boolean;
  readonly maxSegmentBytes?: number;
  readonly text?: TextRules;
};

/** The real speech core with real codecs and the memory store, around engines that the test brings. */
export function speechRig({
  engines,
  clock = systemClock,
  engineTimeoutMs = 5_000,
  limitPerMinute,
  ...given
}: RigOptions) {
  const listenerErrors: unknown[] = [];
  const events = new EventBus({ onListenerError: (error) => listenerErrors.push(error) });
  const counters = countEvents(events);
  const store = given.store ?? new MemoryAudioStore({ clock, maxBytes: 64 << 20 });
  const transcoder = createTranscoder({ workers: 1 });
  const joiner = createAudioJoiner();
  const states = new EngineStates({
    clock,
    events,
    guardsOf: () => ({ firstAudioMs: engineTimeoutMs, betweenChunksMs: engineTimeoutMs, ...given.guards }),
  });
  const cache = new SegmentCache({
    store,
    transcoder,
    joiner,
    events,
    clock,
    sha256: (text) => hash("sha256", text),
    callEngine: createEngineCall({ clock, events, transcoder, states }),
    ttlMs: 60_000,
    storeTimeoutMs: 5_000,
    maxSegmentBytes: given.maxSegmentBytes ?? 16 << 20,
    deliveryFormats: Object.values(FORMATS),
  });
  const chain = new EngineChain({ cache, states, clock, events });
  const windows = limitPerMinute === undefined ? [] : [{ name: "minute", limit: limitPerMinute, lengthMs: 60_000 }];
  const allowance = { user: windows, tenant: [] };
  const voices = new VoiceCatalogue({ engines, aliases: {}, clock });
  const speaking = {
    voices,
    clock,
    events,
    limiter: given.limiter ?? new MemoryRateLimiter({ allowanceOf: () => allowance, clock }),
    ...(given.countHits !== undefined && { countHits: given.countHits }),
    chain,
    joiner,
    makeSilence: createSilence({ transcoder, joiner }),
    maxTextChars: 20_000,
    ...(given.text && { text: given.text }),
    voiceOf: (candidate: Candidate) => voices.voiceOf(candidate),
  };
  return {
    cache,
    chain,
    counters,
    events,
    listenerErrors,
    speak: createSpeak(speaking),
    converse: createConverse(speaking),
    states,
    store,
    transcoder,
    voices,
    async close() {
      await chain.close();
      await cache.close();
      await transcoder.close();
    },
  };
}

export function utterance(text: string, changes: Partial<Utterance> = {}): Utterance {
  return {
    text,
    voice: "one",
    speed: 1,
    pitch: 1,
    volume: 1,
    format: FORMATS.pcm,
    cache: DEFAULT_CACHE_POLICY,
    subject: "tester",
    ...changes,
  };
}
