import type { IncomingMessage } from "node:http";
import proxyAddr from "@fastify/proxy-addr";

/** Whether a peer may say, in X-Forwarded-For, for whom it asks. */
export type TrustsProxy = (address: string, hop: number) => boolean;
export type ClientAddress = (request: IncomingMessage) => string;

/**
 * Reads TRUSTED_PROXIES: addresses and networks (`10.0.0.0/8`), separated by commas, and the names `loopback`, `linklocal`
 * and `uniquelocal` (all private networks). Throws a TypeError that says what is not understood.
 */
export function trustedProxies(list: string): TrustsProxy {
  const named = list
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
  return proxyAddr.compile(named);
}

/**
 * Who asks: the peer, or whom a trusted peer names. Read from the right: the first address that is not a trusted proxy's
 * own is the client; what stands before it was written by the client and proves nothing.
 */
export function clientAddress(trusts: TrustsProxy | undefined): ClientAddress {
  if (trusts === undefined) return (request) => request.socket.remoteAddress ?? "";
  return (request) => proxyAddr(request, trusts) ?? "";
}
