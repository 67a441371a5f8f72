import type { IncomingHttpHeaders } from "node:http";
import type { FastifyContextConfig, FastifyRequest } from "fastify";
import type { SpeechError } from "../core/errors.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Whose protocol the route is; a function where one path serves two. Absent: OpenAI's and ours. */
    foreign?: ForeignProtocol | ((request: FastifyRequest) => ForeignProtocol | undefined);
  }
}

/** An error as a vendor's clients know it. */
export type ForeignAnswer = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
};

/** What is needed of a request that may be an upgrade as well as Fastify's. */
export type ForeignRequest = { readonly headers: IncomingHttpHeaders; readonly url?: string | undefined };

/**
 * How a vendor's protocol differs from ours before and after its routes run: where its clients put the key, and what an
 * error looks like to them. A route that names it (`config: { foreign: … }`) is authenticated, wherever its path lies.
 */
export type ForeignProtocol = {
  /** Also the tag in OpenAPI. */
  readonly name: string;
  secretOf(request: ForeignRequest): string | undefined;
  errorAnswer(
    error: SpeechError,
    context: { readonly requestId: string; readonly request: ForeignRequest },
  ): ForeignAnswer;
};

/** Whose protocol this request speaks; undefined: OpenAI's or ours. */
export function foreignOf(request: FastifyRequest): ForeignProtocol | undefined {
  return foreignBy(request.routeOptions.config.foreign, request);
}

/** The same of a route that is known. */
export function foreignBy(
  foreign: FastifyContextConfig["foreign"],
  request: FastifyRequest,
): ForeignProtocol | undefined {
  return typeof foreign === "function" ? foreign(request) : foreign;
}
