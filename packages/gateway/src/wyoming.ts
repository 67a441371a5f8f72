import type { Logger } from "pino";
import { isLoopback } from "./access.ts";
import type { SpeechSystem } from "./compose.ts";
import { type Config, ConfigError } from "./config/config.ts";
import type { PartHealth } from "./http/health-routes.ts";
import { VERSION } from "./version.ts";
import { type AddressList, addressList } from "./wyoming/address-list.ts";
import { infoData } from "./wyoming/info.ts";
import { type WyomingCounts, WyomingServer } from "./wyoming/wyoming-server.ts";

/** The way in for Home Assistant. */
export type WyomingAccess = {
  readonly counts: WyomingCounts;
  /** For `/readyz`. */
  parts(): { readonly wyoming: PartHealth };
  /** Throws a ConfigError when the address is not to be had, or strangers could speak and nobody said that they may. */
  listen(): Promise<{ readonly host: string; readonly port: number }>;
  close(options: { readonly graceMs: number }): Promise<void>;
};

/** Put together from the configuration; undefined: WYOMING_PORT is not set. */
export function openWyoming(config: Config, speech: SpeechSystem, log: Logger): WyomingAccess | undefined {
  const { wyomingPort: port, wyomingHost: host } = config;
  if (port === undefined) return undefined;
  let admits: AddressList = () => false;
  const { speak, converse, clock, formats, voices, events } = speech;
  const server = new WyomingServer({
    ...{ speak, converse, clock },
    admits: (address) => admits(address),
    format: formats.pcm,
    defaultVoice: config.wyomingVoice,
    clean: config.wyomingClean,
    guessSsml: config.wyomingSsml,
    maxClients: config.wyomingMaxClients,
    async describe(signal) {
      const list = await voices.list({ signal });
      return infoData(
        list.map((voice) => ({ voice, name: voices.nameOf(voice) })),
        VERSION,
      );
    },
    onError(error, requestId) {
      if (error.code === "internal") log.error({ err: error.cause ?? error, requestId }, "wyoming failed");
      events.emit("error.answered", { requestId, route: "wyoming", code: error.code, error });
    },
    limits: {
      maxEventBytes: config.maxBodyBytes,
      maxTextChars: config.maxTextChars,
      idleTimeoutMs: config.wyomingIdleTimeoutSeconds * 1000,
      slowReaderTimeoutMs: config.slowReaderTimeoutMs,
      textPauseMs: config.socketTextPauseMs,
      sentencePauseMs: config.socketSentencePauseMs,
    },
  });
  let bound: number | undefined;
  return {
    get counts() {
      return server.counts;
    },
    parts() {
      const { open } = server.counts;
      const detail = bound === undefined ? "not listening" : `tcp://${host}:${bound}, ${open} clients`;
      return { wyoming: { status: bound === undefined ? "off" : "ok", detail } };
    },
    async listen() {
      admits = admission(config);
      bound = await server.listen({ port, host }).catch((error: NodeJS.ErrnoException) => {
        throw unreachable(error, host, port);
      });
      return { host, port: bound };
    },
    close: (options) => server.close(options),
  };
}

/** Wyoming knows no keys: whoever reaches the port may speak, unless a list says who. */
function admission({ wyomingHost: host, wyomingAllow: list, allowAnonymous }: Config): AddressList {
  if (list !== undefined) {
    try {
      return addressList(list);
    } catch (error) {
      throw new ConfigError(
        `WYOMING_ALLOW: ${(error as Error).message}; write 192.168.1.5 or 10.0.0.0/8, several with commas between them`,
      );
    }
  }
  if (isLoopback(host) || allowAnonymous === true) return () => true;
  throw new ConfigError(
    `WYOMING_HOST=${host} would let anybody on the network speak, for Wyoming knows no keys; say by ` +
      "WYOMING_ALLOW=192.168.1.5 who may, or set ALLOW_ANONYMOUS=true if all may",
  );
}

function unreachable(error: NodeJS.ErrnoException, host: string, port: number): Error {
  switch (error.code) {
    case "EADDRINUSE":
      return new ConfigError(`WYOMING_PORT=${port} on ${host} is taken; set another one, or stop what listens there`);
    case "EACCES":
      return new ConfigError(`this user may not listen on WYOMING_PORT=${port}; set one above 1023`);
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new ConfigError(`WYOMING_HOST=${host} is not an address of this machine`);
    default:
      return error;
  }
}
