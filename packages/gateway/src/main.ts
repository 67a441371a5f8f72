import type { Logger } from "pino";
import { createGateway, type Gateway, type Listening } from "./app.ts";
import type { Config } from "./config/config.ts";
import { ConfigError } from "./config/config.ts";
import { openLogger } from "./observe/logger.ts";
import { startBlock } from "./start-block.ts";

export type ServeOptions = {
  readonly config: Config;
  readonly warnings: readonly string[];
  readonly out: NodeJS.WriteStream;
};

/** What the start block waits for the engines' voices; requests are answered meanwhile. */
const START_WAIT_MS = 5_000;

/** The server as a process: listens, says what it found, and drains on SIGTERM or SIGINT. Resolves when it has stopped. */
export async function serve({ config, warnings, out }: ServeOptions): Promise<void> {
  const { logger, flush } = openLogger(config.logLevel, out);
  process.once("exit", flush);
  for (const warning of warnings) logger.warn(warning);
  const gateway = await createGateway(config, { logger });
  const { url, wyoming } = await listening(gateway, config);
  const voices = await gateway.speech.voices.list({ signal: new AbortController().signal, waitMs: START_WAIT_MS });
  flush(); // what was logged so far comes before it
  if (config.logLevel !== "silent")
    out.write(
      startBlock({ url, wyoming, config, parts: gateway.speech.parts(), warnings: gateway.speech.warnings(), voices }),
    );
  await stopSignal(logger);
  await gateway.close();
  logger.info("stopped");
}

async function listening(gateway: Gateway, config: Config): Promise<Listening> {
  try {
    return await gateway.listen();
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
