/** How an option is written in the environment. Bytes may carry a unit: `64MiB`, `500kB`. */
export type OptionKind =
  | { readonly kind: "integer"; readonly min: number; readonly max: number }
  | { readonly kind: "number"; readonly min: number; readonly max: number }
  | { readonly kind: "bytes"; readonly min: number; readonly max: number }
  | { readonly kind: "boolean" }
  | { readonly kind: "string" }
  | { readonly kind: "url"; readonly protocols: readonly string[] }
  | { readonly kind: "choice"; readonly choices: readonly string[] };

export type OptionSpec = {
  /** Name in the environment. */
  readonly env: string;
  readonly is: OptionKind;
  /** Undefined: not set unless somebody sets it; `meaning` then says what happens. */
  readonly default: string | number | boolean | undefined;
  readonly unit?: string;
  readonly meaning: string;
};

const MIB = 1024 * 1024;
const bytes = (min: number, max: number): OptionKind => ({ kind: "bytes", min, max });
const integer = (min: number, max: number) => ({ kind: "integer", min, max }) as const satisfies OptionKind;

const REDIS_PROTOCOLS = [
  "redis:",
  "rediss:",
  "redis+sentinel:",
  "rediss+sentinel:",
  "redis+cluster:",
  "rediss+cluster:",
] as const;

/** Every option that the environment can set. docs/configuration.md is generated from this table. */
export const OPTIONS = {
  port: {
    env: "PORT",
    is: integer(0, 65_535),
    default: 8080,
    meaning: "TCP port of the HTTP server; 0 takes a free one.",
  },
  host: {
    env: "HOST",
    is: { kind: "string" },
    default: undefined,
    meaning:
      "Address to listen on. Not set: `0.0.0.0` if a key or token is demanded, else `127.0.0.1`. Without keys any other address needs ALLOW_ANONYMOUS.",
  },
  workers: {
    env: "WORKERS",
    is: integer(0, 256),
    default: 1,
    unit: "processes",
    meaning:
      "Processes that serve one port; `0`: one for each core. More than one need REDIS_URL, through which they share what servers share. CACHE_MEMORY_MAX_BYTES, MAX_CONNECTIONS, SOCKET_MAX and REDIS_MAX_CONNECTIONS are divided between them; an engine's `maxConcurrent` and the count of wrong keys hold for each.",
  },
  configFile: {
    env: "MYNAH_CONFIG",
    is: { kind: "string" },
    default: undefined,
    meaning:
      "Path of the YAML file with engines and voices; without it `mynah.config.yaml` in the working directory, if there is one.",
  },
  redisUrl: {
    env: "REDIS_URL",
    is: { kind: "url", protocols: REDIS_PROTOCOLS },
    default: undefined,
    meaning:
      "Redis or Valkey that shares the audio cache between servers: `redis://user:password@host:6379/0`, `rediss://` with TLS, `redis+sentinel://host:26379,host:26379/master-name`, `redis+cluster://host:6379,host:6379`. Not set: memory only.",
  },
  redisStateUrl: {
    env: "REDIS_STATE_URL",
    is: { kind: "url", protocols: REDIS_PROTOCOLS },
    default: undefined,
    meaning:
      "A second Redis for what must not be evicted: limits, leases, purges, statistics. Written like REDIS_URL, which takes its part when this is not set.",
  },
  redisEnabled: {
    env: "REDIS_ENABLED",
    is: { kind: "boolean" },
    default: undefined,
    meaning: "`false` never touches Redis. Not set: true if REDIS_URL is.",
  },
  redisMaxConnections: {
    env: "REDIS_MAX_CONNECTIONS",
    is: integer(1, 10_000),
    default: 50,
    unit: "sockets",
    meaning: "Upper bound of sockets per server to each Redis.",
  },
  redisTimeoutMs: {
    env: "REDIS_TIMEOUT_MS",
    is: integer(1, 60_000),
    default: 50,
    unit: "ms",
    meaning: "Deadline of one Redis read; then the request goes on without Redis.",
  },
  cacheTtlSeconds: {
    env: "CACHE_TTL",
    is: integer(1, 31_536_000),
    default: 3600,
    unit: "s",
    meaning: "How long audio is kept after its last use.",
  },
  cacheGraceSeconds: {
    env: "CACHE_GRACE",
    is: integer(0, 31_536_000),
    default: 3600,
    unit: "s",
    meaning: "Expired audio is kept so much longer, and heard only when every engine fails; 0 keeps none.",
  },
  cacheMaxTextChars: {
    env: "CACHE_MAX_TEXT_CHARS",
    is: integer(1, 1_000_000),
    default: undefined,
    unit: "characters",
    meaning:
      "What is made for a text longer than this is not stored; what is stored of it is still used. Not set: every text is.",
  },
  cacheMemoryMaxBytes: {
    env: "CACHE_MEMORY_MAX_BYTES",
    is: bytes(0, 1024 * 1024 * MIB),
    default: 64 * MIB,
    unit: "bytes",
    meaning: "Bound of the audio kept in this process; 0 turns that tier off.",
  },
  cacheMaxEntryBytes: {
    env: "CACHE_MAX_ENTRY_BYTES",
    is: bytes(1024, 512 * MIB),
    default: 4 * MIB,
    unit: "bytes",
    meaning: "A segment's audio larger than this is not stored.",
  },
  compressionLevel: {
    env: "COMPRESSION_LEVEL",
    is: integer(0, 9),
    default: 6,
    meaning:
      "zlib level for stored PCM and WAV, used where it makes the entry smaller; 0 is off. Other formats are compressed already.",
  },
  opusBitrateBps: {
    env: "OPUS_BITRATE",
    is: integer(6_000, 256_000),
    default: 24_000,
    unit: "bit/s",
    meaning: "Bit rate of Opus.",
  },
  mp3BitrateBps: {
    env: "MP3_BITRATE",
    is: {
      kind: "choice",
      choices: ["32000", "40000", "48000", "56000", "64000", "80000", "96000", "112000", "128000", "144000", "160000"],
    },
    default: 48_000,
    unit: "bit/s",
    meaning: "Bit rate of MP3, one of those that MPEG-2 layer 3 has.",
  },
  aacBitrateBps: {
    env: "AAC_BITRATE",
    is: integer(16_000, 256_000),
    default: 48_000,
    unit: "bit/s",
    meaning: "Bit rate of AAC.",
  },
  rateLimitPerMinute: {
    env: "RATE_LIMIT_PER_MINUTE",
    is: integer(0, 1_000_000),
    default: 30,
    unit: "requests",
    meaning: "Requests that one user may make in any 60 seconds; 0 turns this window off.",
  },
  rateLimitPerHour: {
    env: "RATE_LIMIT_PER_HOUR",
    is: integer(0, 10_000_000),
    default: 500,
    unit: "requests",
    meaning: "Requests that one user may make in any 3600 seconds; 0 turns this window off.",
  },
  rateLimitCountHits: {
    env: "RATE_LIMIT_COUNT_HITS",
    is: { kind: "boolean" },
    default: true,
    meaning: "`false`: an answer that is stored whole counts as no request.",
  },
  servers: {
    env: "SERVERS",
    is: integer(1, 10_000),
    default: undefined,
    unit: "servers",
    meaning:
      "How many gateways share the limits; without Redis each admits its share. Not set: they are counted in Redis while it is there.",
  },
  apiKeys: {
    env: "MYNAH_API_KEYS",
    is: { kind: "string" },
    default: undefined,
    meaning: "API keys as `user=key` or `user=sha256:…`, separated by commas; `keys` of the config file can say more.",
  },
  adminKey: {
    env: "ADMIN_KEY",
    is: { kind: "string" },
    default: undefined,
    meaning: "Key of the `/admin` routes, or its `sha256:…`. Not set: only keys with `admin: true` open them.",
  },
  allowAnonymous: {
    env: "ALLOW_ANONYMOUS",
    is: { kind: "boolean" },
    default: undefined,
    meaning:
      "`true` lets callers without a key speak, on any address; `false` turns them away even if no key is configured here. Not set: they may speak as long as there are no keys.",
  },
  jwtSecret: {
    env: "JWT_SECRET",
    is: { kind: "string" },
    default: undefined,
    meaning: "Shared secret of tokens signed with HS256, HS384 or HS512; at least 32 characters.",
  },
  jwtJwks: {
    env: "JWT_JWKS",
    is: { kind: "string" },
    default: undefined,
    meaning: "URL or file with the public keys (JWKS) of tokens signed with RS, PS, ES or EdDSA.",
  },
  jwtIssuer: {
    env: "JWT_ISSUER",
    is: { kind: "string" },
    default: undefined,
    meaning: "The `iss` that a token must have.",
  },
  jwtAudience: {
    env: "JWT_AUDIENCE",
    is: { kind: "string" },
    default: undefined,
    meaning: "The `aud` that a token must have.",
  },
  jwtClockToleranceSeconds: {
    env: "JWT_CLOCK_TOLERANCE",
    is: integer(0, 600),
    default: 5,
    unit: "s",
    meaning: "How far the clocks of whoever signs tokens may be off.",
  },
  signingSecret: {
    env: "SIGNING_SECRET",
    is: { kind: "string" },
    default: undefined,
    meaning:
      "Signs links to audio and short-lived tokens; at least 16 characters, the same on all servers. Not set: a new one at each start, so that they hold on this server alone and until it stops.",
  },
  linkMaxTtlSeconds: {
    env: "LINK_MAX_TTL",
    is: integer(1, 31_536_000),
    default: 604_800,
    unit: "s",
    meaning: "Longest life of a signed link to audio.",
  },
  publicUrl: {
    env: "PUBLIC_URL",
    is: { kind: "url", protocols: ["http:", "https:"] },
    default: undefined,
    meaning: "What links to audio begin with. Not set: the host that the request for the link was sent to.",
  },
  audioMaxAgeSeconds: {
    env: "AUDIO_MAX_AGE",
    is: integer(0, 31_536_000),
    default: 86_400,
    unit: "s",
    meaning: "How long browsers and CDNs may keep what GET /v1/speech answers.",
  },
  maxTextChars: {
    env: "MAX_TEXT_CHARS",
    is: integer(1, 1_000_000),
    default: 20_000,
    unit: "characters",
    meaning: "Longest text of one request, in UTF-16 code units. OpenAI's own limit is 4096.",
  },
  maxBodyBytes: {
    env: "MAX_BODY_BYTES",
    is: bytes(1024, 64 * MIB),
    default: 256 * 1024,
    unit: "bytes",
    meaning: "Largest request body.",
  },
  requestTimeoutMs: {
    env: "REQUEST_TIMEOUT_MS",
    is: integer(100, 600_000),
    default: 10_000,
    unit: "ms",
    meaning: "Time in which a whole request, headers and body, must have arrived.",
  },
  slowReaderTimeoutMs: {
    env: "SLOW_READER_TIMEOUT_MS",
    is: integer(1_000, 3_600_000),
    default: 60_000,
    unit: "ms",
    meaning: "A client that takes no byte of its answer for so long is cut off.",
  },
  trustedProxies: {
    env: "TRUSTED_PROXIES",
    is: { kind: "string" },
    default: undefined,
    meaning:
      "Reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: addresses and networks separated by commas, `10.0.0.0/8`, or `loopback`, `linklocal`, `uniquelocal` (all private networks). Not set: none, and callers without a key who come through a proxy count as one.",
  },
  maxConnections: {
    env: "MAX_CONNECTIONS",
    is: integer(1, 1_000_000),
    default: 20_000,
    unit: "sockets",
    meaning: "Open HTTP connections; more are closed at once.",
  },
  socketMax: {
    env: "SOCKET_MAX",
    is: integer(0, 1_000_000),
    default: 18_000,
    unit: "sockets",
    meaning: "Open WebSockets; more are refused. Below MAX_CONNECTIONS, so that HTTP still gets in.",
  },
  socketMaxPerAddress: {
    env: "SOCKET_MAX_PER_ADDRESS",
    is: integer(0, 1_000_000),
    default: 500,
    unit: "sockets",
    meaning: "Open WebSockets of one address; 0 turns it off, as behind a proxy, where all have one address.",
  },
  socketMaxUtterances: {
    env: "SOCKET_MAX_UTTERANCES",
    is: integer(1, 1_000),
    default: 8,
    unit: "utterances",
    meaning: "Utterances that may run on one WebSocket at a time.",
  },
  socketMessagesPerSecond: {
    env: "SOCKET_MESSAGES_PER_SECOND",
    is: integer(1, 1_000_000),
    default: 200,
    unit: "messages/s",
    meaning: "What one WebSocket may send, with five seconds' worth at once; one that sends more is closed.",
  },
  socketIdleTimeoutSeconds: {
    env: "SOCKET_IDLE_TIMEOUT",
    is: integer(1, 86_400),
    default: 300,
    unit: "s",
    meaning: "A WebSocket on which nothing is said for so long, by either side, is closed.",
  },
  socketPingSeconds: {
    env: "SOCKET_PING_INTERVAL",
    is: integer(1, 3_600),
    default: 25,
    unit: "s",
    meaning: "How often a WebSocket is pinged; one that has not answered by the next time is gone.",
  },
  socketTextPauseMs: {
    env: "SOCKET_TEXT_PAUSE_MS",
    is: integer(1, 60_000),
    default: 500,
    unit: "ms",
    meaning: "Appended text that breaks off is spoken as it is when nothing follows for so long.",
  },
  socketSentencePauseMs: {
    env: "SOCKET_SENTENCE_PAUSE_MS",
    is: integer(1, 60_000),
    default: 1,
    unit: "ms",
    meaning:
      "The same for appended text that sounds like a whole sentence; it need not wait for the next one to begin. Above SOCKET_TEXT_PAUSE_MS it has no effect.",
  },
  wyomingPort: {
    env: "WYOMING_PORT",
    is: integer(0, 65_535),
    default: undefined,
    meaning:
      "TCP port of the Wyoming protocol, by which Home Assistant finds us; 10200 is what others use, 0 takes a free one. Not set: it is not spoken.",
  },
  wyomingHost: {
    env: "WYOMING_HOST",
    is: { kind: "string" },
    default: "127.0.0.1",
    meaning:
      "Address that Wyoming is spoken on. It knows no keys, so any but a loopback address needs WYOMING_ALLOW or ALLOW_ANONYMOUS.",
  },
  wyomingAllow: {
    env: "WYOMING_ALLOW",
    is: { kind: "string" },
    default: undefined,
    meaning:
      "Who may speak Wyoming: addresses and networks, separated by commas, as `192.168.1.5, 10.0.0.0/8`. Not set: whoever reaches the port.",
  },
  wyomingVoice: {
    env: "WYOMING_VOICE",
    is: { kind: "string" },
    default: "alloy",
    meaning: "Who speaks to Wyoming clients that name no voice and no language.",
  },
  wyomingClean: {
    env: "WYOMING_CLEAN",
    is: { kind: "boolean" },
    default: undefined,
    meaning:
      "`true` takes a chat's markup (markdown, emoji, links, code) out of what Wyoming clients have spoken, `false` leaves it. Not set: as `text.clean` of the config file says.",
  },
  wyomingSsml: {
    env: "WYOMING_SSML",
    is: { kind: "boolean" },
    default: false,
    meaning:
      "`true` reads a text that begins with `<speak` as SSML where a Wyoming client does not say by `text_format` what it sends, as Home Assistant does not.",
  },
  wyomingMaxClients: {
    env: "WYOMING_MAX_CLIENTS",
    is: integer(1, 100_000),
    default: 256,
    unit: "sockets",
    meaning: "Open Wyoming connections; more are refused.",
  },
  wyomingIdleTimeoutSeconds: {
    env: "WYOMING_IDLE_TIMEOUT",
    is: integer(1, 86_400),
    default: 300,
    unit: "s",
    meaning: "A Wyoming connection that asks for nothing for so long is closed.",
  },
  synthesisWorkers: {
    env: "SYNTHESIS_WORKERS",
    is: integer(1, 256),
    default: undefined,
    unit: "threads",
    meaning: "Threads of each embedded engine. Not set: one for two cores, at most 4.",
  },
  transcodeWorkers: {
    env: "TRANSCODE_WORKERS",
    is: integer(1, 256),
    default: undefined,
    unit: "threads",
    meaning: "Threads that encode and decode audio. Not set: one for two cores, at most 4.",
  },
  engineTimeoutMs: {
    env: "ENGINE_TIMEOUT_MS",
    is: integer(10, 600_000),
    default: 10_000,
    unit: "ms",
    meaning:
      "Time to an engine's first audio, then from chunk to chunk; `timeoutMs` of an engine in the config file goes before it.",
  },
  engineHedge: {
    env: "ENGINE_HEDGE",
    is: { kind: "boolean" },
    default: false,
    meaning:
      "`true` asks the next engine as well when one takes longer to its first audio than 95 % of its answers did; the faster is heard. At most 7 % more calls. `hedge` of an engine in the config file goes before it.",
  },
  breakerFailures: {
    env: "BREAKER_FAILURES",
    is: integer(1, 1_000),
    default: 3,
    meaning:
      "Failures in a row after which an engine is left alone for a while; half of at least ten calls in 30 s have the same effect.",
  },
  breakerOpenMs: {
    env: "BREAKER_OPEN_MS",
    is: integer(10, 600_000),
    default: 1_000,
    unit: "ms",
    meaning: "How long a failing engine is left alone at first; twice as long each time it fails again.",
  },
  breakerMaxOpenMs: {
    env: "BREAKER_MAX_OPEN_MS",
    is: integer(10, 3_600_000),
    default: 5_000,
    unit: "ms",
    meaning: "The longest that a failing engine is left alone before one call finds out whether it is well again.",
  },
  shutdownGraceMs: {
    env: "SHUTDOWN_GRACE_MS",
    is: integer(0, 600_000),
    default: 10_000,
    unit: "ms",
    meaning: "After SIGTERM running answers may take so long to finish; then they are cut.",
  },
  metricsEnabled: {
    env: "METRICS_ENABLED",
    is: { kind: "boolean" },
    default: true,
    meaning: "Whether `GET /metrics` tells Prometheus what happens here; docs/metrics.md lists it all.",
  },
  metricsKey: {
    env: "METRICS_KEY",
    is: { kind: "string" },
    default: undefined,
    meaning:
      "Key of `/metrics`, or its `sha256:…`; it opens nothing else, and an admin key opens it too. Not set: a gateway without keys on a loopback address shows metrics to anybody, any other to admin keys only.",
  },
  otlpEndpoint: {
    env: "OTEL_EXPORTER_OTLP_ENDPOINT",
    is: { kind: "url", protocols: ["http:", "https:"] },
    default: undefined,
    meaning:
      "OpenTelemetry collector that traces are sent to, as OTLP over HTTP: `http://collector:4318`; `/v1/traces` is added. Not set: no traces.",
  },
  otlpHeaders: {
    env: "OTEL_EXPORTER_OTLP_HEADERS",
    is: { kind: "string" },
    default: undefined,
    meaning: "Headers for the collector, as `name=value`, separated by commas.",
  },
  otelServiceName: {
    env: "OTEL_SERVICE_NAME",
    is: { kind: "string" },
    default: "mynah",
    meaning: "What this gateway is called in traces.",
  },
  otelSampleRatio: {
    env: "OTEL_TRACES_SAMPLER_ARG",
    is: { kind: "number", min: 0, max: 1 },
    default: 1,
    meaning:
      "Share of requests whose traces are kept, 0 to 1. A request with a `traceparent` header goes by what that says instead.",
  },
  logLevel: {
    env: "LOG_LEVEL",
    is: { kind: "choice", choices: ["silent", "error", "warn", "info", "debug"] },
    default: "info",
    meaning: "How much is logged. Spoken text never is.",
  },
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof OPTIONS;
