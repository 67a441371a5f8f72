import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { type Config, ConfigError } from "./config/config.ts";
import { systemClock } from "./core/clock.ts";
import type { ServeOptions } from "./main.ts";
import { openLogger } from "./observe/logger.ts";
import { Supervisor } from "./workers/supervisor.ts";

/** The exit code of wrong settings, as in cli/main.ts. */
const EXIT_USAGE = 2;
const SECRET_BYTES = 32;

/** How many processes the configuration asks for. Throws a ConfigError for several that could share nothing. */
export function workerCount({ workers: asked, redisUrl, redisEnabled }: Config): number {
  const workers = asked === 0 ? availableParallelism() : asked;
  if (workers > 1 && (redisUrl === undefined || redisEnabled === false)) {
    throw new ConfigError(
      `WORKERS=${asked} means ${workers} processes that share cache, limits, keys and purges through Redis, and there is none; set REDIS_URL, or WORKERS=1`,
    );
  }
  return workers;
}

/** What one worker may take of what is bounded for the whole server. */
export function shareOf(config: Config): Config {
  const workers = config.workers === 0 ? availableParallelism() : config.workers;
  const share = (whole: number, least: number): number => Math.max(least, Math.floor(whole / workers));
  return {
    ...config,
    cacheMemoryMaxBytes: share(config.cacheMemoryMaxBytes, 0),
    maxConnections: share(config.maxConnections, 1),
    socketMax: share(config.socketMax, 1),
    redisMaxConnections: share(config.redisMaxConnections, MIN_REDIS_CONNECTIONS),
  };
}

/** Audio, state, and one that blocks; see docs/operations.md. */
const MIN_REDIS_CONNECTIONS = 3;

/** Starts the workers and passes on the first signal to end; a second one ends at once. Resolves with an exit code. */
export async function superviseServer({ config, out }: ServeOptions, workers: number): Promise<number> {
  const { logger, flush } = openLogger(config.logLevel, out, { shared: true });
  process.once("exit", flush);
  const supervisor = new Supervisor({
    workers,
    // Links that one worker has signed hold at every other one.
    env: config.signingSecret === undefined ? { SIGNING_SECRET: randomBytes(SECRET_BYTES).toString("base64url") } : {},
    clock: systemClock,
    fatalExitCode: EXIT_USAGE,
    onCrash: (crash) => logger.error(crash, "a worker ended; another one takes its place"),
  });
  let stopping = false;
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.on(name, () => {
      if (stopping) {
        supervisor.kill();
        process.exit(1);
      }
      stopping = true;
      logger.info({ signal: name }, "stopping; running answers may finish");
      supervisor.stop();
    });
  }
  const code = await supervisor.run();
  if (code === 0) logger.info("stopped");
  return code;
}
