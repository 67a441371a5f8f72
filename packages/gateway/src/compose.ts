import { hash } from "node:crypto";
import { availableParallelism } from "node:os";
import type { Logger } from "pino";
import { EngineSwitches } from "./admin/engine-switches.ts";
import { createAudioJoiner } from "./audio/join.ts";
import { createSilence } from "./audio/silence.ts";
import { createTranscoder } from "./audio/transcode.ts";
import { engineGuards, engineHealth, openEngines } from "./compose-engines.ts";
import type { RedisRoles } from "./compose-redis.ts";
import { localStatsBody, openAllServersStats } from "./compose-stats.ts";
import { openStores } from "./compose-stores.ts";
import { textRules } from "./compose-text.ts";
import type { Config } from "./config/config.ts";
import { type AudioFormat, type AudioFormatName, DELIVERY_SAMPLE_RATE_HZ } from "./core/audio-format.ts";
import { type Clock, systemClock } from "./core/clock.ts";
import { EventBus } from "./core/events.ts";
import type { AudioJoiner, AudioStore, SpeechEngine, Transcoder } from "./core/ports.ts";
import { engineWarnings } from "./engines/registry.ts";
import type { PartHealth, Readiness } from "./http/health-routes.ts";
import type { SpeechStats } from "./http/stats-route.ts";
import { type Limits, openLimits } from "./limits/limits.ts";
import { planAllowances } from "./limits/plans.ts";
import { logEvents } from "./observe/log.ts";
import { type Counters, countEvents } from "./observe/stats.ts";
import { RedisFlightBoard } from "./redis/redis-flight-board.ts";
import type { RedisPort } from "./redis/redis-port.ts";
import { type Converse, createConverse } from "./speech/converse.ts";
import { createEngineCall } from "./speech/engine-call.ts";
import { EngineChain } from "./speech/engine-chain.ts";
import { EngineStates } from "./speech/engine-states.ts";
import { SharedFlights } from "./speech/flight.ts";
import type { PlannerOptions } from "./speech/plan.ts";
import { SegmentCache } from "./speech/segment-cache.ts";
import { createShowText, type ShowText } from "./speech/show-text.ts";
import { createSpeak, type Speak, type SpeakDeps } from "./speech/speak.ts";
import { createUnsay, type Unsay } from "./speech/unsay.ts";
import { VoiceCatalogue } from "./speech/voice-catalogue.ts";
import { createWarm, type Warm } from "./speech/warm.ts";
import { createLanguageDetector } from "./wording/language-detector.ts";

/** Parts that a test, or whoever embeds the gateway, brings along. */
export type Overrides = {
  readonly clock?: Clock;
  /** Instead of those that the config names. Closed with the gateway. */
  readonly engines?: readonly SpeechEngine[];
};

/** Everything that speaks, without a way in: HTTP, the command line and the library each add theirs. */
export type SpeechSystem = {
  readonly config: Config;
  readonly formats: Readonly<Record<AudioFormatName, AudioFormat>>;
  readonly clock: Clock;
  readonly events: EventBus;
  readonly counters: Readonly<Counters>;
  readonly voices: VoiceCatalogue;
  readonly engineStates: EngineStates;
  readonly transcoder: Transcoder;
  readonly joiner: AudioJoiner;
  readonly speak: Speak;
  readonly converse: Converse;
  /** What has been said, on all servers. A purge through it reaches every one of them. */
  readonly store: AudioStore;
  /** For administrators: past the limiter, and behind every caller. */
  readonly warm: Warm;
  readonly unsay: Unsay;
  readonly showText: ShowText;
  readonly switches: EngineSwitches;
  readonly limits: Limits;
  readonly redis: RedisPort | undefined;
  readonly parts: () => Readiness["parts"];
  /** What an operator should know that is no fault. */
  readonly warnings: () => readonly string[];
  readonly stats: () => SpeechStats;
  /** Ends threads, connections and engines; running speech first gets to its end or its readers' end. */
  close(): Promise<void>;
};

/** A segment of speech is seldom longer than a minute; this bounds what a broken engine can make us hold. */
const MAX_SEGMENT_BYTES = 16 * 1024 * 1024;
const STORE_TIMEOUT_MS = 5_000;
const MAX_DEFAULT_WORKERS = 4;
/** Synthesis and codecs share the cores, and each thread takes tens of MiB. */
const CORES_PER_WORKER = 2;

export async function composeSpeech(config: Config, log: Logger, overrides: Overrides = {}): Promise<SpeechSystem> {
  const clock = overrides.clock ?? systemClock;
  const startedAt = clock.monotonic();
  const workers = Math.min(MAX_DEFAULT_WORKERS, Math.max(1, Math.floor(availableParallelism() / CORES_PER_WORKER)));
  const events = new EventBus({ onListenerError: (error) => log.error({ err: error }, "a listener failed") });
  const counters = countEvents(events);
  logEvents(events, log);

  const engines = overrides.engines ?? (await openEngines(config, clock, workers));
  const ending = overrides.engines === undefined ? engineWarnings(config.engines) : [];
  const transcoder = createTranscoder({ workers: config.transcodeWorkers ?? workers });
  const redis = await openRedis(config, clock, log);
  const stores = openStores({ config, clock, events, log, redis });
  const allServers = redis && openAllServersStats(redis, { counters, clock });
  const limits = openLimits({
    clock,
    redis: redis?.statePort,
    servers: config.servers,
    allowanceOf: configuredAllowances(config),
    onFailure: (error) => log.debug({ reason: String(error) }, "redis did not decide; this server did"),
  });
  events.on("speech.refused", ({ subject }) => limits.refused(subject));
  const voices = new VoiceCatalogue({
    engines,
    aliases: config.voices,
    clock,
    onListFailed: (engine, error) => log.warn({ engine, reason: String(error) }, "engine did not list its voices"),
  });
  const formats = deliveryFormats(config);
  const joiner = createAudioJoiner();
  const states = new EngineStates({
    clock,
    events,
    guardsOf: engineGuards(config, clock, workers),
    engines: engines.map(({ name }) => name),
  });
  const cache = new SegmentCache({
    store: stores.store,
    transcoder,
    joiner,
    events,
    clock,
    ...(redis && { flights: openFlights(redis, clock, events) }),
    callEngine: createEngineCall({ clock, events, transcoder, states }),
    sha256: (text) => hash("sha256", text),
    ttlMs: config.cacheTtlSeconds * 1000,
    storeTimeoutMs: STORE_TIMEOUT_MS,
    maxSegmentBytes: MAX_SEGMENT_BYTES,
    deliveryFormats: Object.values(formats),
  });
  const chain = new EngineChain({ cache, states, clock, events });
  const planning: PlannerOptions = {
    maxTextChars: config.maxTextChars,
    text: textRules(config),
    voiceOf: (candidate) => voices.voiceOf(candidate),
  };
  const languages = createLanguageDetector();
  const speaking: SpeakDeps = {
    languages,
    limiter: limits.limiter,
    countHits: config.rateLimitCountHits,
    voices,
    clock,
    events,
    chain,
    joiner,
    makeSilence: createSilence({ transcoder, joiner }),
    ...planning,
    maxCachedTextChars: config.cacheMaxTextChars,
  };
  const switches = new EngineSwitches({
    ...{ states, clock, redis: redis?.statePort },
    engines: engines.map(({ name }) => name),
  });
  await redis?.settled();
  await switches.refresh({ signal: new AbortController().signal });

  return {
    config,
    formats,
    clock,
    events,
    counters,
    voices,
    engineStates: states,
    transcoder,
    joiner,
    speak: createSpeak(speaking),
    converse: createConverse(speaking),
    store: stores.store,
    warm: createWarm({ voices, languages, chain, states, ...planning }),
    showText: createShowText({ voices, languages, ...planning }),
    unsay: createUnsay({ voices, languages, cache, ...planning }),
    switches,
    limits,
    redis: redis?.statePort,
    parts: () => ({
      engines: engineHealth(states),
      cache: cacheHealth(config, redis),
      limits: limitHealth(limits, redis?.statePort),
      ...redis?.parts(),
    }),
    warnings: () => [...ending, ...(redis?.warnings() ?? [])],
    stats: () => ({
      ...localStatsBody(counters, {
        memory: stores.memory,
        cache,
        uptimeMs: clock.monotonic() - startedAt,
        maxBytes: config.cacheMemoryMaxBytes,
        engines: states.stats,
      }),
      ...allServers?.body(),
    }),
    async close() {
      voices.close();
      await languages.close();
      switches.close();
      await chain.close();
      await cache.close();
      await Promise.all([
        stores.close(),
        limits.close(),
        transcoder.close(),
        ...engines.map((engine) => engine.close()),
      ]);
      await allServers?.close();
      await redis?.close();
    },
  };
}

/** Loaded when it is wanted: the client is the largest of our modules, and a gateway without Redis has no use for it. */
async function openRedis(config: Config, clock: Clock, log: Logger): Promise<RedisRoles | undefined> {
  if (config.redisUrl === undefined || config.redisEnabled === false) return undefined;
  const { openRedisRoles } = await import("./compose-redis.ts");
  return openRedisRoles(config, clock, log);
}

/** Leases and live audio belong where nothing is evicted. */
function openFlights({ state }: RedisRoles, clock: Clock, events: EventBus): SharedFlights {
  const board = new RedisFlightBoard({ redis: state, clock });
  return new SharedFlights({ board, clock, events, maxBytes: MAX_SEGMENT_BYTES });
}

function deliveryFormats(config: Config): Record<AudioFormatName, AudioFormat> {
  const sampleRateHz = DELIVERY_SAMPLE_RATE_HZ;
  return {
    mp3: { name: "mp3", sampleRateHz, bitrateBps: config.mp3BitrateBps },
    opus: { name: "opus", sampleRateHz, bitrateBps: config.opusBitrateBps },
    aac: { name: "aac", sampleRateHz, bitrateBps: config.aacBitrateBps },
    flac: { name: "flac", sampleRateHz },
    wav: { name: "wav", sampleRateHz },
    pcm: { name: "pcm", sampleRateHz },
  };
}

/** What each subject may do, by the configuration. */
export function configuredAllowances({ rateLimitPerMinute, rateLimitPerHour, plans, tenants }: Config) {
  const standard = { requestsPerMinute: rateLimitPerMinute, requestsPerHour: rateLimitPerHour };
  return planAllowances({ default: standard, plans, tenants });
}

function cacheHealth(config: Config, redis: RedisRoles | undefined): PartHealth {
  const memory = `memory, ${Math.round(config.cacheMemoryMaxBytes / 1024 / 1024)} MiB`;
  if (redis === undefined)
    return { status: "ok", detail: `${memory}; not shared (set REDIS_URL to share it between servers)` };
  if (redis.audio.state === "up") return { status: "ok", detail: `${memory}, and Redis` };
  return { status: "degraded", detail: `${memory}; Redis is ${redis.audio.state}` };
}

function limitHealth({ limiter, servers }: Limits, redis: RedisPort | undefined): PartHealth {
  const { user } = limiter.allowanceOf({ user: "" });
  if (user.length === 0) return { status: "off", detail: "no limits" };
  const each = user.map(({ limit, name, unit }) => `${limit} ${unit ?? "requests"} per ${name} and user`).join(", ");
  if (redis === undefined || redis.state === "up") return { status: "ok", detail: each };
  const share = servers();
  const alone = share <= 1 ? "this server counts alone" : `each of ${share} servers admits its share`;
  return { status: "degraded", detail: `${each}; Redis is ${redis.state}: ${alone}` };
}
