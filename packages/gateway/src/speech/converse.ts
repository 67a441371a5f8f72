import { primed } from "../core/async.ts";
import { SpeechError } from "../core/errors.ts";
import { type Decision, type Refusal, refusalError } from "../core/quota.ts";
import { isSpeakable } from "../core/text/prepare.ts";
import type { Utterance } from "../core/utterance.ts";
import { admit, admitMore, type Bill } from "./admission.ts";
import type { IncomingText } from "./incoming-text.ts";
import { AUTO_LANGUAGE, LanguageRouter } from "./language-router.ts";
import { isHeard, Planner } from "./plan.ts";
import { SpeechReport } from "./report.ts";
import { SegmentLine } from "./segment-line.ts";
import { ANSWER_OVER, makingTimes, type SpeakDeps, type SpeakOptions, type SpeakResult, speakerOf } from "./speak.ts";
import { audioOf } from "./speech-part.ts";
import { requireSettings } from "./told-settings.ts";
import type { Candidate } from "./voice-catalogue.ts";

/** Speaks a text while it is being written; the utterance's own text is not looked at. */
export type Converse = (utterance: Utterance, incoming: IncomingText, options: SpeakOptions) => Promise<SpeakResult>;

/**
 * The story of `speak` for text that is still to come: each segment is charged, looked up, shared or made when its text is
 * complete, one ahead of the one that is heard. The request is charged with its first segment; whoever is refused later
 * gets `rate_limit_exceeded` out of `parts`.
 */
export function createConverse(deps: SpeakDeps): Converse {
  const planner = new Planner(deps);
  return async function converse(utterance, incoming, { signal: caller, requestId, words = false }) {
    const { voices, events, clock } = deps;
    const startedAt = clock.monotonic();
    const over = new AbortController();
    const signal = AbortSignal.any([caller, over.signal]);
    let account: Account | undefined;
    const end = (): void => {
      over.abort(ANSWER_OVER);
      account?.settle();
    };
    try {
      const candidates = await voices.resolve(utterance, { signal });
      planner.require(utterance, candidates);
      account = new Account(deps, planner, { utterance, incoming, candidates, signal });
      const report = new SpeechReport(events, clock, {
        utterance,
        requestId,
        startedAt,
        get characters() {
          return incoming.characters;
        },
      });
      return { admitted: true, speech: await spoken(deps, { utterance, account, report, signal, words, end }) };
    } catch (error) {
      end();
      if (error instanceof RefusedAtFirst) {
        const { quota } = error;
        events.emit("speech.refused", {
          requestId,
          subject: utterance.subject,
          window: quota.window.name,
          latencyMs: clock.monotonic() - startedAt,
        });
        return { admitted: false, quota };
      }
      const code = caller.aborted ? "caller_gone" : SpeechError.from(error, "internal", "").code;
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

type Context = {
  readonly utterance: Utterance;
  readonly account: Account;
  readonly report: SpeechReport;
  readonly signal: AbortSignal;
  readonly words: boolean;
  readonly end: () => void;
};

async function spoken({ chain, joiner, clock }: SpeakDeps, context: Context) {
  const { utterance, account, report, signal, words, end } = context;
  const { format } = utterance;
  const line = new SegmentLine({
    async begin(_, failed) {
      const next = await account.next();
      if (next === undefined) return undefined;
      const { segment, ahead } = next;
      const said = ahead ?? (await chain.speak(segment, { signal, alreadyMissed: true, failed }));
      return { text: segment.text, spoken: said };
    },
    stream: joiner.open(format),
    words,
    signal,
    onSpoken(said) {
      report.segment(said);
      account.bill?.spoken(said);
    },
    onFailed: (said) => account.bill?.failed(said),
  });
  const startedAt = clock.monotonic();
  const first = (await line.first())?.spoken;
  if (first === undefined) throw nothingToSay();
  const timings = { limitMs: 0, cacheMs: 0, ...makingTimes(first, startedAt, clock.monotonic()) };
  const made = await primed(line.parts(), ({ type }) => type === "audio");
  report.started(first, timings, account.textAt);
  const parts = report.counted(made, first.engine, end);
  return {
    format,
    ...speakerOf(first),
    outcomes: { hit: 0, miss: 0, coalesced: 0, stale: 0, [first.outcome]: 1 },
    segments: 1,
    characters: account.characters,
    marked: false,
    notices: [],
    keeps: utterance.cache.write,
    fromCache: false,
    audio: audioOf(parts),
    parts,
    timings,
    quota: account.quota!,
  };
}

/** Carries a refusal of the whole request out of the line. */
class RefusedAtFirst extends Error {
  readonly quota: Refusal;

  constructor(quota: Refusal) {
    super("refused");
    this.quota = quota;
  }
}

type AccountContext = {
  readonly utterance: Utterance;
  readonly incoming: IncomingText;
  readonly candidates: readonly Candidate[];
  readonly signal: AbortSignal;
};

/** Takes segments out of the text as it comes, and pays for them. */
class Account {
  readonly #deps: SpeakDeps;
  readonly #planner: Planner;
  readonly #context: AccountContext;
  readonly #texts: AsyncGenerator<string>;
  readonly #router: LanguageRouter | undefined;
  bill: Bill | undefined;
  quota: Decision | undefined;
  /** Monotonic ms at which the first segment's text was complete. */
  textAt: number | undefined;

  constructor(deps: SpeakDeps, planner: Planner, context: AccountContext) {
    const { candidates, incoming, signal } = context;
    this.#deps = deps;
    this.#planner = planner;
    this.#context = context;
    const { utterance } = context;
    if (utterance.language === AUTO_LANGUAGE && deps.languages !== undefined)
      this.#router = new LanguageRouter(deps, utterance, { signal });
    const cleaner = planner.cleaner(utterance);
    const maxChars = planner.longestSegment(candidates);
    this.#texts = incoming.segments({ maxChars, signal, ...(cleaner && { cleaner }) });
  }

  /** The next segment, and its audio if it is stored; undefined when the text has ended. */
  async next() {
    const { utterance, incoming, candidates, signal } = this.#context;
    const deps = { ...this.#deps, countHits: this.#deps.countHits ?? true };
    for (;;) {
      const { value: text, done } = await this.#texts.next();
      if (done) return undefined;
      if (!isSpeakable(text)) continue;
      this.textAt ??= this.#deps.clock.monotonic();
      const routed = (await this.#router?.route(text)) ?? { utterance, candidates };
      requireSettings(routed.utterance, routed.candidates);
      const segment = this.#planner.segment(text, routed.utterance, routed.candidates, incoming.characters);
      if (!isHeard(segment)) continue;
      if (this.bill !== undefined) {
        const more = await admitMore(deps, utterance, segment, { signal, bill: this.bill });
        if ("admitted" in more) throw refusalError(more);
        return { segment, ahead: more.ahead };
      }
      const admission = await admit(deps, utterance, [segment], { signal });
      if ("admitted" in admission) throw new RefusedAtFirst(admission);
      this.bill = admission.bill;
      this.quota = admission.quota;
      return { segment, ahead: admission.ahead[0] };
    }
  }

  /** Of what has come so far. */
  get characters(): number {
    return this.#context.incoming.characters;
  }

  settle(): void {
    this.bill?.settle();
  }
}

function nothingToSay(): SpeechError {
  return new SpeechError("text_empty", "the text holds nothing that can be spoken", { param: "text" });
}
