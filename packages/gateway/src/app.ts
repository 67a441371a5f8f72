import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { type Logger, pino } from "pino";
import { openAccess, openTrust } from "./access.ts";
import { composeSpeech, type Overrides, type SpeechSystem } from "./compose.ts";
import { openAdministration } from "./compose-admin.ts";
import { openDashboard } from "./compose-dashboard.ts";
import { openMetrics } from "./compose-metrics.ts";
import { openTraces } from "./compose-traces.ts";
import type { ConfigInput } from "./config/config.ts";
import { resolveConfig } from "./config/load.ts";
import { cacheRoutes } from "./http/admin/cache-routes.ts";
import { configRoute } from "./http/admin/config-route.ts";
import { engineRoutes } from "./http/admin/engine-routes.ts";
import { jobRoutes } from "./http/admin/job-routes.ts";
import { adminRoutes } from "./http/admin-routes.ts";
import { authenticate } from "./http/auth.ts";
import { byUrlRoute } from "./http/by-url/by-url-route.ts";
import { LINKED_ROUTE, linkIdentity, linksRoute } from "./http/by-url/links-route.ts";
import { catalogueRoutes } from "./http/catalogue-routes.ts";
import { clientAddress } from "./http/client-address.ts";
import { docsRoute } from "./http/docs/docs-route.ts";
import { healthRoutes } from "./http/health-routes.ts";
import { mergeStats } from "./http/merge-stats.ts";
import { metricsRoute } from "./http/metrics-route.ts";
import { speechRoute } from "./http/openai/speech-route.ts";
import { pageRoutes } from "./http/page-routes.ts";
import { createServer } from "./http/server.ts";
import { socketRoutes } from "./http/socket-routes.ts";
import { statsHistoryRoutes } from "./http/stats-history-routes.ts";
import { type StatsBody, statsRoute } from "./http/stats-route.ts";
import { subtitlesRoute } from "./http/subtitles-route.ts";
import { tellTraceParents } from "./http/trace-parent.ts";
import { openSockets } from "./sockets.ts";
import { vendorRoutes } from "./vendors.ts";
import { VERSION } from "./version.ts";
import { ALONE, type Siblings } from "./workers/siblings.ts";
import { openWyoming } from "./wyoming.ts";

export type GatewayOverrides = Overrides & {
  readonly logger?: Logger;
  readonly pageDirectory?: string;
  /** The other processes of this server. Default: there are none. */
  readonly siblings?: Siblings;
};

export type Gateway = {
  readonly speech: SpeechSystem;
  /** Starts to answer. Defaults are the config's. */
  listen(options?: {
    readonly port?: number;
    readonly host?: string;
    /** Whether other processes listen on the same port, and the kernel shares connections out. Linux. */
    readonly reusePort?: boolean;
  }): Promise<Listening>;
  /** A request without a socket, for tests. */
  inject(options: InjectOptions): Promise<LightMyRequestResponse>;
  /** Refuses new work, lets running answers finish within `graceMs` (default: the config's), then cuts them. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
};

export type Listening = {
  readonly url: string;
  readonly port: number;
  /** Where Wyoming is spoken, if it is. */
  readonly wyoming?: { readonly host: string; readonly port: number };
};

export const PAGE_DIRECTORY = fileURLToPath(new URL("../../web/dist/", import.meta.url));

/** A whole gateway from its configuration. Logs nothing unless given a logger. */
export async function createGateway(input: ConfigInput = {}, overrides: GatewayOverrides = {}): Promise<Gateway> {
  const config = resolveConfig(input);
  const logger = overrides.logger ?? pino({ level: "silent" });
  const { siblings = ALONE } = overrides;
  const trustsProxy = openTrust(config);
  const speech = await composeSpeech(config, logger, overrides);
  const { maxBodyBytes, requestTimeoutMs, maxConnections, slowReaderTimeoutMs } = config;
  const access = await openAccess(config, speech, logger);
  const sockets = openSockets(config, speech, access, { log: logger, addressOf: clientAddress(trustsProxy) });
  let stopping = false;
  const app = await createServer({
    logger,
    version: VERSION,
    maxBodyBytes,
    requestTimeoutMs,
    maxConnections,
    trustsProxy,
    stopping: () => stopping,
    upgrades: (request) => sockets.handles(request),
    onError: (answered) => speech.events.emit("error.answered", answered),
  });
  const wyoming = openWyoming(config, speech, logger);
  const parts = () => ({ ...speech.parts(), ...wyoming?.parts() });
  let boundTo = config.host;
  const metrics = openMetrics({ speech, access, sockets, wyoming, parts, siblings, host: () => boundTo });
  const stats = () => ({ ...speech.stats(), sockets: sockets.counts, ...(wyoming && { wyoming: wyoming.counts }) });
  const dashboard = openDashboard({ speech, stats, parts });
  const traces = await openTraces(config, speech);
  if (traces !== undefined) tellTraceParents(app, speech.events);
  const { formats, voices, clock } = speech;
  const { tokens } = access;
  authenticate(app, {
    authenticator: access.authenticator,
    links: { route: LINKED_ROUTE, identify: linkIdentity(tokens) },
  });
  speechRoute(app, { speak: speech.speak, formats, slowReaderTimeoutMs });
  subtitlesRoute(app, { speak: speech.speak, formats });
  byUrlRoute(app, {
    ...{ speak: speech.speak, joiner: speech.joiner, formats, clock, slowReaderTimeoutMs },
    maxAgeSeconds: config.audioMaxAgeSeconds,
  });
  linksRoute(app, {
    ...{ tokens, voices, formats, clock, maxTextChars: config.maxTextChars, publicUrl: config.publicUrl },
    maxTtlSeconds: config.linkMaxTtlSeconds,
  });
  catalogueRoutes(app, { voices, startedAtMs: clock.now(), maxTextChars: config.maxTextChars });
  vendorRoutes(app, config, speech, access);
  healthRoutes(app, { readiness: () => ({ stopping, parts: parts() }) });
  siblings.answer("stats", stats);
  statsRoute(app, { stats: async () => mergeStats(stats(), (await siblings.others("stats")) as StatsBody[]) });
  statsHistoryRoutes(app, dashboard);
  if (metrics !== undefined) metricsRoute(app, metrics);
  socketRoutes(app, { tokens });
  sockets.attach(app.server);
  const administration = openAdministration(speech);
  adminRoutes(app, { limits: speech.limits, keys: access.keys, audit: access.audit });
  const administrators = { ...administration, audit: access.audit, formats };
  cacheRoutes(app, administrators);
  jobRoutes(app, administrators);
  engineRoutes(app, administrators);
  configRoute(app, administrators);
  docsRoute(app);
  pageRoutes(app, { directory: overrides.pageDirectory ?? PAGE_DIRECTORY });
  await app.ready();
  await redisAgain(speech);

  return {
    speech,
    async listen({ port = config.port, host = config.host, reusePort = false } = {}) {
      await access.checkAddress(host);
      boundTo = host;
      const options = { port, host, reusePort }; // passed on to Node by Fastify, whose types do not know the last
      const url = await app.listen(options);
      const address = app.server.address();
      const at = await wyoming?.listen();
      return {
        url,
        port: typeof address === "object" && address !== null ? address.port : port,
        ...(at !== undefined && { wyoming: at }),
      };
    },
    inject: (options) => app.inject(options),
    async close({ graceMs = config.shutdownGraceMs } = {}) {
      stopping = true;
      dashboard.close();
      await Promise.all([closeServer(app, graceMs), sockets.close({ graceMs }), wyoming?.close({ graceMs })]);
      metrics?.close();
      await traces?.close();
      access.close();
      await administration.close();
      await speech.close();
    },
  };
}

/** A start waits for Redis no longer than this. */
const REDIS_AGAIN_MS = 1_000;

/**
 * What a cold process loads and registers can hold the loop for longer than Redis is waited for, which then seems down. The
 * first callers must not find it so.
 */
async function redisAgain({ redis }: SpeechSystem): Promise<void> {
  if (redis === undefined) return;
  await sleep(0); // deadlines that passed meanwhile are noticed now
  await redis.whenUp({ signal: AbortSignal.timeout(REDIS_AGAIN_MS) }).catch(() => {}); // it is really down
}

const IDLE_CHECK_MS = 50;

/**
 * Idle connections close at once, running answers get `graceMs`. Then all sockets go: one that never sent a byte would
 * otherwise hold the server open for ever.
 */
async function closeServer(app: FastifyInstance, graceMs: number): Promise<void> {
  const force = setTimeout(() => app.server.closeAllConnections(), graceMs);
  // Again and again: a connection whose answer has just ended is kept alive, and would keep us.
  const idle = setInterval(() => app.server.closeIdleConnections(), IDLE_CHECK_MS);
  try {
    await app.close();
  } finally {
    clearTimeout(force);
    clearInterval(idle);
  }
}
