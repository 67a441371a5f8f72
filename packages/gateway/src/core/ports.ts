import type { Soon } from "./async.ts";
import type { AudioFormat } from "./audio-format.ts";
import type { CacheKey } from "./cache-key.ts";
import type { EntryMatch, PurgeProgress } from "./entry-match.ts";
import type { Allowance, Cost, Decision, Refusal, Subject, WindowState } from "./quota.ts";
import type { SoundShape } from "./sound-shape.ts";
import type { FactorRange, SpeechSettings } from "./speech-settings.ts";
import type { Voice } from "./voice.ts";

/** Every asynchronous port method takes one: there is no call that cannot be given up. */
export type CallOptions = { readonly signal: AbortSignal };

/**
 * When a word is heard, on the clock of the sound it came with, as it was before any codec: decoding adds the format's
 * `startDelayMs`, and whoever decodes and encodes anew adds it to the words.
 */
export type WordTime = { readonly text: string; readonly startMs: number; readonly endMs: number };

/** The same, and where the word stands in the segment's text: the text itself stays on the servers that were given it. */
export type WordPlace = {
  readonly from: number;
  readonly to: number;
  readonly startMs: number;
  readonly endMs: number;
};

/** A word of an answer: when it is heard on the clock of the whole answer, and where it stands in its segment's text. */
export type SpokenWord = WordTime &
  WordPlace & {
    /** Nobody gave its times: they were reckoned from the text and the length of the audio. */
    readonly estimated?: true;
  };

/** A mark of an SSML text: when it is reached on the clock of the whole answer. */
export type SpokenMark = {
  readonly name: string;
  readonly timeMs: number;
  /** Reckoned from estimated words. */
  readonly estimated?: true;
};

/** A part of a text whose pronunciation is given; indices are UTF-16 code units. */
export type PronouncedPart = {
  readonly from: number;
  readonly to: number;
  /** In small letters: `ipa`, `x-sampa`, or one of the engine's own. */
  readonly alphabet: string;
  readonly phonemes: string;
};

/** One segment as an engine is asked to say it: everything resolved, nothing left to choose. */
export type SynthesisRequest = SpeechSettings & {
  /** Prepared text of one segment, never longer than `capabilities.maxChars`. */
  readonly text: string;
  /** The engine's own voice id. */
  readonly voice: string;
  readonly model?: string;
  /** BCP-47; absent: the voice's own. */
  readonly language?: string;
  /** In order, apart from each other, never empty, and only what `capabilities.phonemes` takes. Their lengths count with the text's. */
  readonly phonemes?: readonly PronouncedPart[];
  /** What the caller will get; an engine that can make it itself may, any other gives what it has. */
  readonly wanted: AudioFormat;
};

/** A piece of a synthesis: audio bytes in the format that `outputFormat` promised, word times, or both. */
export type SynthesisChunk = { readonly audio?: Uint8Array; readonly words?: readonly WordTime[] };

/**
 * What an engine can do itself, setting by setting. Speed, pitch and volume beyond its range are done to its audio by us;
 * what it cannot be told is refused, never sent along in the hope that it is heard.
 */
export type EngineCapabilities = {
  /** The longest text of one call, in UTF-16 code units. */
  readonly maxChars: number;
  /** Factors the engine can do itself; `ONLY_NORMAL`: none. It is never asked for one that is not in its range. */
  readonly speed: FactorRange;
  readonly pitch: FactorRange;
  /** Default: only the voice's own. */
  readonly volume?: FactorRange;
  /** Whether it can be told how to speak, in words. Default: no. */
  readonly instructions?: boolean;
  /** Whether its voices have styles that it can be told. Default: no. */
  readonly style?: boolean;
  /** Whether it takes a seed. Default: no. */
  readonly seed?: boolean;
  /**
   * Where it knows the language from: `told` with each request, heard out of the `text`, or it is the `voice`'s own; then it
   * is asked for no language that its list does not say the voice speaks. Default: the voice's.
   */
  readonly language?: "told" | "text" | "voice";
  /** Which phonetic alphabets it takes, in small letters, and from which voices not. Default: none. */
  readonly phonemes?: { readonly alphabets: readonly string[]; readonly exceptVoices?: RegExp };
  /** Whether it gives word times. */
  readonly words: boolean;
  /** Costs only our own processor: worth finishing for the cache when the last listener has left. */
  readonly nearlyFree: boolean;
  /** A caller's OpenAI model name is asked of the engine, as `model`. Default: the configured model speaks, whatever the caller named. */
  readonly passesModel?: boolean;
};

/** Code that turns text into sound. Adapters translate only: deadlines, breakers and fallback are wrapped around them. */
export interface SpeechEngine {
  /** The configured name; callers and headers see it. */
  readonly name: string;
  /** Names the code and data behind the sound. Changes whenever the same request may sound different. Part of every cache key. */
  readonly version: string;
  readonly capabilities: EngineCapabilities;
  /** Every voice it has. Rejects with `engine_failed` when the engine cannot be asked. */
  voices(options: CallOptions): Promise<readonly Voice[]>;
  /** The format that `synthesize` will yield for this request: `wanted` itself, or what the engine has. */
  outputFormat(request: SynthesisRequest): AudioFormat;
  /**
   * Speaks. Yields at least one non-empty audio chunk or throws a SpeechError: `engine_cannot_say`, `engine_rejected`,
   * `engine_unauthorized`, `engine_failed`, `engine_no_audio`, `engine_timeout`. An aborted signal ends the work at the engine and throws its reason.
   */
  synthesize(request: SynthesisRequest, options: CallOptions): AsyncIterable<SynthesisChunk>;
  close(): Promise<void>;
}

/** What is known of a stored segment. It travels as JSON in front of the audio, and never holds the text. */
export type SpeechMetadata = {
  readonly format: AudioFormat;
  readonly durationMs: number;
  readonly engine: string;
  /** The engine's own voice id. */
  readonly voice: string;
  /** UTF-16 code units of the segment's text: what a hit saves at the engine. */
  readonly characters: number;
  /** Epoch milliseconds of the synthesis. */
  readonly createdAtMs: number;
  /** 0: encoded from the engine's own output; 1: made from another cached format. A copy of a copy is never made. */
  readonly generation: 0 | 1;
  /** How long the sound is that this was encoded from, where we did that ourselves: a codec that pads cannot tell. */
  readonly soundMs?: number;
  readonly words?: readonly WordPlace[];
  /** Names under which it can be purged: of the requests that it was made for or that heard it. */
  readonly tags?: readonly string[];
};

export type StoredSpeech = { readonly metadata: SpeechMetadata; readonly audio: Uint8Array };

/**
 * Keeps segments of speech by key. Both ways the bytes are lent, not given: nobody writes into them.
 * Corrupt, foreign or mismatched entries are misses (`undefined`), counted and deleted, never exceptions and never wrong audio.
 */
export interface AudioStore {
  /** Renews the entry's ttl. At once what is here; what has to be asked for is waited for. */
  get(key: CacheKey, options: CallOptions): Soon<StoredSpeech | undefined>;
  /** Also what is past its ttl but within the store's grace time; renews nothing. For when no engine can speak. */
  getStale(key: CacheKey, options: CallOptions): Promise<StoredSpeech | undefined>;
  /** Stores whole or not at all. */
  set(key: CacheKey, speech: StoredSpeech, options: CallOptions & { readonly ttlMs: number }): Promise<void>;
  /** Which of these it has, without renewing them. */
  has(keys: readonly CacheKey[], options: CallOptions): Promise<boolean[]>;
  /** True if it was there. */
  delete(key: CacheKey, options: CallOptions): Promise<boolean>;
  /** Gives these tags to an entry that is there, and brings none back. Renews its ttl. */
  tag(key: CacheKey, tags: readonly string[], options: CallOptions & { readonly ttlMs: number }): Promise<void>;
  /**
   * Removes every entry that fits, walking through all of them in small steps: for administrators, never on a request's
   * path. Gives the number. What is stored while it runs may stay.
   */
  purge(
    match: EntryMatch,
    options: CallOptions & { readonly onProgress?: (progress: PurgeProgress) => void },
  ): Promise<number>;
  /** Removes every entry of ours. */
  clear(options: CallOptions): Promise<void>;
  close(): Promise<void>;
}

/** What listening to some audio told. */
export type AudioInspection = {
  readonly durationMs: number;
  /** Largest absolute sample, 0..1. Undefined for a codec that nobody here can decode (aac): its frames were counted only. */
  readonly peak: number | undefined;
};

/** The part of decoded audio that is sound: what a codec needed to get going is before it, what filled its last frame behind. */
export type SoundPart = { readonly startMs: number; readonly lengthMs: number };

/** More sound than `maxMs` is refused as soon as it is reached: the size of what is coded does not bound it. */
export type SoundBound = { readonly maxMs?: number };

export type TranscodeOptions = CallOptions &
  SoundBound & {
    readonly shape?: SoundShape;
    /** Only this of the input is made into output. */
    readonly part?: SoundPart;
    /** Told at the end how long the sound was that went into the codec. Not where no codec was needed. */
    readonly onEnd?: (soundMs: number) => void;
  };

/** Makes audio in one format from audio in another; each result is a complete stream of its own. */
export interface Transcoder {
  /** Output follows input as it comes, shaped if it is to be. Throws `transcode_failed` for input that does not decode. */
  transcode(
    audio: AsyncIterable<Uint8Array>,
    from: AudioFormat,
    to: AudioFormat,
    options: TranscodeOptions,
  ): AsyncIterable<Uint8Array>;
  /** Listens to all of it. Throws `transcode_failed` for bytes that do not decode to at least one sample. */
  inspect(audio: Uint8Array, format: AudioFormat, options: CallOptions & SoundBound): Promise<AudioInspection>;
  close(): Promise<void>;
}

/**
 * One stream in the making, of parts that may still be arriving. Calls come in the order startPart, push…, endPart, …,
 * finish; each gives the bytes that are ready, which may be none. All throw `transcode_failed` for a part that is not a
 * whole stream of the format; a part without any bytes is left out.
 */
export interface JoinedStream {
  startPart(): void;
  push(bytes: Uint8Array): Uint8Array;
  endPart(): Uint8Array;
  finish(): Uint8Array;
  /** When the first sound of the present part is heard: after what came before it, and its codec's run-in. Undefined until its head was read. */
  readonly partStartMs: number | undefined;
  /** How long what was given out so far is to be heard. */
  readonly lengthMs: number;
}

/** Makes one valid stream of several whole ones in the same format: headers once, page and frame numbers running on. */
export interface AudioJoiner {
  open(format: AudioFormat): JoinedStream;
  /** All parts at hand: lengths in headers are exact. The result is a fresh array. */
  joinWhole(format: AudioFormat, parts: readonly Uint8Array[]): Uint8Array;
  /**
   * The same for parts that `joinWhole` made, without reading them again where the format allows: pieces, of which the parts
   * themselves may be some, that are the stream one behind the other. Copying a long answer would take longer than sending it.
   */
  joinClean(format: AudioFormat, parts: readonly Uint8Array[]): readonly Uint8Array[];
}

export type Silence = { readonly audio: Uint8Array; readonly durationMs: number };

/** A stream of nothing but silence to be joined with others: of this length where samples are counted, to the nearest frame of a codec else. Lent, not given. */
export type MakeSilence = (format: AudioFormat, ms: number, options: CallOptions) => Promise<Silence>;

/** Tells languages apart. */
export interface LanguageDetector {
  /** BCP-47, a primary subtag, one of `among` (absent: any); undefined: too little to tell. Rejects only with the signal's reason, or when closed. */
  detect(text: string, among: readonly string[] | undefined, options: CallOptions): Promise<string | undefined>;
  close(): Promise<void>;
}

/** Counts what subjects do. Being refused is an answer, not an error; `take` rejects only when the limiter itself fails. */
export interface RateLimiter {
  /** The windows that hold for a subject now; they may change from call to call. */
  allowanceOf(subject: Subject): Allowance;
  /** A refusal that is known without asking anybody, because its time is not over; it costs nothing. */
  knownRefusal(subject: Subject, cost: Cost): Refusal | undefined;
  /** Admits and charges every window, or refuses and charges none. The cost fits into the allowance (`neverFits`). At once where nobody has to be asked. */
  take(subject: Subject, cost: Cost, options: CallOptions): Soon<Decision>;
  /** The same windows without taking anything: the subject's, then its tenant's. */
  peek(subject: Subject, options: CallOptions): Promise<readonly WindowState[]>;
  /** Forgets all that this user took. What the tenant took stays. */
  reset(subject: Subject, options: CallOptions): Promise<void>;
  close(): Promise<void>;
}
