import cluster from "node:cluster";
import type { Logger } from "pino";
import { createGateway, type Gateway, type Listening } from "./app.ts";
import type { Config } from "./config/config.ts";
import { ConfigError } from "./config/config.ts";
import { openLogger } from "./observe/logger.ts";
import { startBlock } from "./start-block.ts";
import { shareOf, superviseServer, workerCount } from "./supervise.ts";
import { WorkerLine } from "./workers/siblings.ts";

export type ServeOptions = {
  readonly config: Config;
  readonly warnings: readonly string[];
  readonly out: NodeJS.WriteStream;
};

/** What the start block waits for the engines' voices; requests are answered meanwhile. */
const START_WAIT_MS = 5_000;

/** The server: this process, or a supervisor and its workers. Resolves with an exit code when it has stopped. */
export async function start(options: ServeOptions): Promise<number> {
  const workers = cluster.isWorker ? 1 : workerCount(options.config);
  if (workers > 1) return superviseServer(options, workers);
  await serve(options);
  return 0;
}

/** One process of the server: listens, says what it found, and drains on SIGTERM or SIGINT. Resolves when it has stopped. */
export async function serve({ config, warnings, out }: ServeOptions): Promise<void> {
  const line = cluster.isWorker ? new WorkerLine(process) : undefined;
  const { logger, flush } = openLogger(config.logLevel, out, { shared: line !== undefined });
  process.once("exit", flush);
  const first = line === undefined || cluster.worker?.id === 1; // of many alike one is enough to hear
  if (first) for (const warning of warnings) logger.warn(warning);
  const gateway = await createGateway(line === undefined ? config : shareOf(config), {
    logger,
    ...(line && { siblings: line }),
  });
  const { url, port, wyoming } = await listening(gateway, config, line !== undefined);
  line?.ready(port);
  const voices = await gateway.speech.voices.list({ signal: new AbortController().signal, waitMs: START_WAIT_MS });
  flush(); // what was logged so far comes before it
  if (config.logLevel !== "silent" && first)
    out.write(
      startBlock({ url, wyoming, config, parts: gateway.speech.parts(), warnings: gateway.speech.warnings(), voices }),
    );
  await (line === undefined ? stopSignal(logger) : toldToStop(line));
  await gateway.close();
  if (line === undefined) logger.info("stopped");
  line?.close();
}

async function listening(gateway: Gateway, config: Config, isWorker: boolean): Promise<Listening> {
  try {
    // By the kernel, not handed out by the supervisor: what that gives to a worker that has just died hangs for ever.
    return await gateway.listen({ reusePort: isWorker && process.platform === "linux" });
  } catch (error) {
    await gateway.close({ graceMs: 0 });
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE")
      throw new ConfigError(
        `port ${config.port} on ${config.host} is taken; set PORT to another one, or stop what listens there`,
      );
    if (code === "EACCES")
      throw new ConfigError(`this user may not listen on port ${config.port}; set PORT to one above 1023`);
    if (code === "EADDRNOTAVAIL") throw new ConfigError(`HOST=${config.host} is not an address of this machine`);
    throw error;
  }
}

/** Signals are the supervisor's to understand: a terminal sends them to all processes at once. */
function toldToStop(line: WorkerLine): Promise<void> {
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => {});
  return line.stopped;
}

/** The first signal ends in order; a second one ends at once. */
function stopSignal(logger: Logger): Promise<void> {
  return new Promise((resolve) => {
    let stopping = false;
    for (const name of ["SIGTERM", "SIGINT"] as const) {
      process.on(name, () => {
        if (stopping) process.exit(1);
        stopping = true;
        logger.info({ signal: name }, "stopping; running answers may finish");
        resolve();
      });
    }
  });
}
