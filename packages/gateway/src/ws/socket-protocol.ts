import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { CallOptions } from "../core/ports.ts";
import type { ForeignProtocol } from "../http/foreign.ts";

/** A request to open a socket, before anything of it was decided. */
export type SocketRequest = {
  readonly request: IncomingMessage;
  readonly address: string;
  readonly requestId: string;
  readonly query: URLSearchParams;
  /** What stands in the path where the protocol's has names in braces, decoded. */
  readonly params: Readonly<Record<string, string>>;
};

/** A socket that was let in. */
export type OpenedSocket = {
  readonly socket: WebSocket;
  /** What `socket` runs over. */
  readonly raw: Socket;
};

/** One open socket, whatever is spoken on it. */
export interface SocketSession {
  /** Utterances that are not over. */
  readonly running: number;
  /** Looks whether the other end is still there; called about once a second. */
  watch(): void;
  /** Takes no new utterances; closes when the last one is over. */
  drain(): void;
  /** Ends what runs, says why, and closes. */
  stop(): void;
  /** The socket has closed, whoever closed it. */
  closed(): void;
}

/** What is spoken at one path over a WebSocket. `docs/decisions/0080-one-upgrade-handler.md` tells how to add one. */
export interface SocketProtocol {
  /** As in OpenAPI: `/v1/text-to-speech/{voice_id}/stream-input`. */
  readonly path: string;
  /** A vendor's: refusals of the upgrade then have its shape. */
  readonly foreign?: ForeignProtocol;
  /** The subprotocol to agree on, of those that were offered (none is none). Throws a SpeechError to refuse. */
  choose?(offered: readonly string[]): string | undefined;
  /**
   * Finds out who this is and what they want, while it is still HTTP. Throws a SpeechError to refuse; the result makes
   * the session once the socket is open.
   */
  admit(request: SocketRequest, options: CallOptions): Promise<(opened: OpenedSocket) => SocketSession>;
}

/** Finds the protocol of a path. */
export class SocketPaths {
  readonly #protocols: readonly { readonly protocol: SocketProtocol; readonly pattern: RegExp }[];

  constructor(protocols: readonly SocketProtocol[]) {
    this.#protocols = protocols.map((protocol) => ({ protocol, pattern: patternOf(protocol.path) }));
  }

  find(url: string): { readonly protocol: SocketProtocol; readonly params: Record<string, string> } | undefined {
    const path = url.split("?", 1)[0]!;
    for (const { protocol, pattern } of this.#protocols) {
      const { groups } = pattern.exec(path) ?? {};
      if (groups === undefined) continue;
      const params = decoded(groups);
      if (params !== undefined) return { protocol, params };
    }
    return undefined;
  }

  get paths(): string[] {
    return this.#protocols.map(({ protocol }) => protocol.path);
  }
}

/** The group that is always there makes `groups` an object for every match. */
function patternOf(path: string): RegExp {
  const named = path.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&").replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)");
  return new RegExp(`^(?<path>${named})$`);
}

function decoded({ path: _, ...groups }: Record<string, string>): Record<string, string> | undefined {
  try {
    return Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch {
    return undefined;
  }
}
