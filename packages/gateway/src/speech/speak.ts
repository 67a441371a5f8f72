import { AtHand, primed, type Soon, soon } from "../core/async.ts";
import type { AudioFormat } from "../core/audio-format.ts";
import type { Clock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import type { EventBus, SegmentOutcome, SpeechTimings } from "../core/events.ts";
import type { AudioJoiner, CallOptions, LanguageDetector, MakeSilence, RateLimiter } from "../core/ports.ts";
import type { Decision, Refusal } from "../core/quota.ts";
import type { Notice } from "../core/script.ts";
import type { ToldSetting } from "../core/speech-settings.ts";
import type { Utterance } from "../core/utterance.ts";
import { admit, type Bill } from "./admission.ts";
import type { EngineChain, Segment, SpokenSegment } from "./engine-chain.ts";
import { noticesOf } from "./notices-of.ts";
import type { Plan, PlannerOptions } from "./plan.ts";
import { utterancePlanner } from "./plan-utterance.ts";
import { SpeechReport } from "./report.ts";
import { type Rested, restMaker, withRests } from "./rests.ts";
import { SegmentLine } from "./segment-line.ts";
import { audioOf, type SpeechPart } from "./speech-part.ts";
import { StoredAnswer, type StoredSegment } from "./stored-answer.ts";
import type { VoiceCatalogue } from "./voice-catalogue.ts";

/** An answer whose first audio is here. */
export type Speech = {
  readonly format: AudioFormat;
  /** Of the first segment; a later one may have another if the engine failed in between. */
  readonly engine: string;
  readonly voice: string;
  /** What was asked and this engine, in place of one that failed, cannot be told. */
  readonly ignored?: readonly ToldSetting[];
  /** How the segments looked up so far were come by; those of a long text are still to come. */
  readonly outcomes: Readonly<Record<SegmentOutcome, number>>;
  readonly segments: number;
  /** Of the text, to be spoken: markup does not count. */
  readonly characters: number;
  /** Whether it has marks, which its parts tell. */
  readonly marked: boolean;
  /** What is not done as it was asked, and spoken all the same. */
  readonly notices: readonly Notice[];
  /** Whether what is made for it is kept for the next caller. */
  readonly keeps: boolean;
  readonly fromCache: boolean;
  /** Known when every segment was stored: then `audio` is its pieces. */
  readonly whole?: StoredAnswer;
  /** One of `audio` and `parts` is to be read, once. */
  readonly audio: AsyncIterable<Uint8Array>;
  /** The audio segment by segment, and its words if they were wanted. */
  readonly parts: AsyncIterable<SpeechPart>;
  readonly timings: SpeechTimings;
  readonly quota: Decision;
};

export type SpeakOptions = CallOptions & {
  readonly requestId: string;
  /** Whether `parts` shall tell words. Default: no. */
  readonly words?: boolean;
  /** False: not counted if all of it is stored, whatever the configuration says. */
  readonly countHits?: boolean;
};

export type SpeakResult =
  | { readonly admitted: true; readonly speech: Speech }
  | { readonly admitted: false; readonly quota: Refusal };

export type Speak = (utterance: Utterance, options: SpeakOptions) => Promise<SpeakResult>;

export type SpeakDeps = PlannerOptions & {
  /** Absent: the language `auto` is as if none was named. */
  readonly languages?: LanguageDetector;
  readonly limiter: RateLimiter;
  readonly voices: VoiceCatalogue;
  readonly chain: EngineChain;
  readonly joiner: AudioJoiner;
  readonly makeSilence: MakeSilence;
  readonly events: EventBus;
  readonly clock: Clock;
  /** False: answers that are stored whole are not counted. */
  readonly countHits?: boolean;
};

/** A whole answer up to this size is put together in memory, and so has a Content-Length. */
const MAX_WHOLE_BYTES = 16 * 1024 * 1024;

/** One request's whole story: may they → who speaks → segments → stored, shared or made → joined. */
export function createSpeak(deps: SpeakDeps): Speak {
  const { limiter, chain, events, clock, countHits: countsHits = true } = deps;
  const planOf = utterancePlanner(deps);
  return async function speak(utterance, { signal, requestId, words = false, countHits = countsHits }) {
    const startedAt = clock.monotonic();
    try {
      const planned = planOf(utterance, { signal }); // before the limiter: a wrong name costs nobody quota
      const plan = planned instanceof Promise ? await planned : planned;
      const resolvedAt = clock.monotonic();
      const asked = admit({ limiter, chain, clock, countHits }, utterance, plan.segments, { signal });
      const admission = asked instanceof Promise ? await asked : asked;
      if ("admitted" in admission) {
        events.emit("speech.refused", {
          requestId,
          subject: utterance.subject,
          window: admission.window.name,
          latencyMs: clock.monotonic() - startedAt,
        });
        return { admitted: false, quota: admission };
      }
      const { quota, ahead, bill, limitedAt } = admission;
      const context: Context = {
        utterance,
        plan,
        quota,
        ahead,
        bill,
        signal,
        words,
        limitMs: limitedAt - resolvedAt,
        cacheMs: clock.monotonic() - resolvedAt,
        report: new SpeechReport(events, clock, { utterance, requestId, startedAt, characters: plan.characters }),
      };
      const found = storedSpeech(deps, context);
      const stored = found instanceof Promise ? await found : found;
      return { admitted: true, speech: stored ?? (await streamedSpeech(deps, context)) };
    } catch (error) {
      const code = signal.aborted ? "caller_gone" : SpeechError.from(error, "internal", "").code;
      events.emit("speech.failed", {
        requestId,
        subject: utterance.subject,
        code,
        error,
        latencyMs: clock.monotonic() - startedAt,
      });
      throw error;
    }
  };
}

/** One request on its way. */
type Context = {
  readonly utterance: Utterance;
  readonly plan: Plan;
  /** What was stored of the first segments. */
  readonly ahead: readonly (SpokenSegment | undefined)[];
  readonly signal: AbortSignal;
  readonly words: boolean;
  readonly quota: Decision;
  readonly bill: Bill;
  readonly limitMs: number;
  readonly cacheMs: number;
  readonly report: SpeechReport;
};

/** The answer when all of it was stored. */
function storedSpeech(deps: SpeakDeps, context: Context): Soon<Speech | undefined> {
  const { utterance, plan, ahead, signal } = context;
  const stored = allStored(ahead, plan.segments);
  if (stored === undefined) return undefined;
  const make = restMaker(utterance.format, deps.makeSilence, { signal });
  const rested = withRests(plan, stored, { make, maxBytes: MAX_WHOLE_BYTES });
  if (rested instanceof Promise) rested.catch(() => context.bill.settle());
  return soon(rested, (found) => found && wholeSpeech(deps, context, found));
}

function wholeSpeech({ joiner }: SpeakDeps, context: Context, rested: Rested): Speech {
  const { utterance, plan, ahead, words, report, bill, quota, limitMs, cacheMs } = context;
  const { format } = utterance;
  const { segments, tail } = rested;
  const whole = new StoredAnswer({ segments, tail, joiner, format, words });
  const first = segments[0]!.spoken;
  for (let at = 0; at < segments.length; at++) report.segment(segments[at]!.spoken, plan.segments[at]!.candidates);
  const timings = { limitMs, cacheMs, engineMs: 0, transcodeMs: 0 };
  report.whole(first, timings, whole.byteLength);
  bill.settle();
  return {
    format,
    ...speakerOf(first),
    outcomes: { hit: segments.length, miss: 0, coalesced: 0, stale: 0 },
    ...factsOf(plan, ahead),
    keeps: false,
    fromCache: true,
    whole,
    audio: new AtHand(whole.pieces),
    parts: whole,
    timings,
    quota,
  };
}

/** What is known of an answer when it begins. */
function factsOf(plan: Plan, spoken: readonly (SpokenSegment | undefined)[]) {
  const { segments, characters, tail } = plan;
  const marked = segments.some(({ marks, lead }) => marks?.length || lead?.marks.length) || Boolean(tail?.marks.length);
  return { segments: segments.length, characters, marked, notices: noticesOf(plan, spoken) };
}

/** The answer when some of it is still to be made. Resolves with its first audio. */
async function streamedSpeech(deps: SpeakDeps, context: Context): Promise<Speech> {
  const { chain, joiner, clock, makeSilence } = deps;
  const { utterance, plan, ahead, words, report, bill, quota, limitMs, cacheMs } = context;
  const { segments, tail } = plan;
  // Its own signal ends with the answer, however that ends: nothing begun for it can outlive it.
  const over = new AbortController();
  const end = (): void => {
    over.abort(ANSWER_OVER);
    bill.settle();
  };
  const signal = AbortSignal.any([context.signal, over.signal]);
  const make = restMaker(utterance.format, makeSilence, { signal });
  const startedAt = clock.monotonic();
  try {
    const line = new SegmentLine({
      async begin(at, failed) {
        const segment = segments[at];
        if (segment === undefined) return undefined;
        const { text, marks, lead } = segment;
        const spoken = ahead[at] ?? (await chain.speak(segment, { signal, alreadyMissed: at === 0, failed }));
        return { text, marks, spoken, lead: await make(lead) };
      },
      tail: () => make(tail),
      stream: joiner.open(utterance.format),
      words,
      signal,
      onSpoken(spoken, at) {
        report.segment(spoken, segments[at]!.candidates);
        bill.spoken(spoken);
      },
      onFailed: (spoken) => bill.failed(spoken),
    });
    const { spoken: first } = (await line.first())!;
    const timings = { limitMs, cacheMs, ...makingTimes(first, startedAt, clock.monotonic()) };
    const made = await primed(line.parts(), ({ type }) => type === "audio");
    report.started(first, timings);
    const parts = report.counted(made, first.engine, end);
    return {
      format: utterance.format,
      ...speakerOf(first),
      outcomes: outcomesOf(ahead, first),
      ...factsOf(plan, [first, ...ahead.slice(1)]),
      keeps: segments[0]!.policy.write,
      fromCache: false,
      audio: audioOf(parts),
      parts,
      timings,
      quota,
    };
  } catch (error) {
    end();
    throw error;
  }
}

/** Made once: an abort without a reason builds an exception with a stack for each. */
export const ANSWER_OVER = new SpeechError("caller_gone", "the answer is over");

/** Every segment as it is stored, or undefined if one is missing or all are too large to be held at once. */
function allStored(
  ahead: readonly (SpokenSegment | undefined)[],
  segments: readonly Segment[],
): StoredSegment[] | undefined {
  if (ahead.length < segments.length) return undefined;
  const stored: StoredSegment[] = [];
  let bytes = 0;
  for (const [at, spoken] of ahead.entries()) {
    if (spoken === undefined || !("stored" in spoken)) return undefined;
    bytes += spoken.stored.audio.byteLength;
    const { text, marks } = segments[at]!;
    stored.push({ text, marks, spoken });
  }
  return bytes <= MAX_WHOLE_BYTES ? stored : undefined;
}

/** Who speaks, by the first segment. */
export function speakerOf({ engine, voice, ignored }: SpokenSegment): Pick<Speech, "engine" | "voice" | "ignored"> {
  return { engine, voice, ...(ignored !== undefined && { ignored }) };
}

/** What the first audio waited for. */
export function makingTimes(
  first: SpokenSegment,
  from: number,
  now: number,
): { engineMs: number; transcodeMs: number } {
  if ("stored" in first) return { engineMs: first.outcome === "stale" ? now - from : 0, transcodeMs: 0 };
  const nativeAt = Math.max(from, first.timing.nativeAt ?? now);
  return { engineMs: nativeAt - from, transcodeMs: now - nativeAt };
}

function outcomesOf(
  ahead: readonly (SpokenSegment | undefined)[],
  first: SpokenSegment,
): Record<SegmentOutcome, number> {
  const outcomes = { hit: 0, miss: 0, coalesced: 0, stale: 0 };
  for (const [at, spoken] of ahead.entries()) outcomes[spoken?.outcome ?? (at === 0 ? first.outcome : "miss")]++;
  return outcomes;
}
