import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import swagger from "@fastify/swagger";
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import { type ErrorCode, SpeechError } from "../core/errors.ts";
import type { TrustsProxy } from "./client-address.ts";
import { answerBare, sendError, toSpeechError } from "./errors.ts";
import { commonHeaders, pairsOf } from "./header-list.ts";
import { lazyCompilers } from "./lazy-compilers.ts";
import { SeenBodies } from "./seen-bodies.ts";

export type ServerOptions = {
  readonly logger: FastifyBaseLogger;
  readonly version: string;
  readonly maxBodyBytes: number;
  readonly requestTimeoutMs: number;
  readonly maxConnections: number;
  /** Whose X-Forwarded-… headers are believed; absent: nobody's. */
  readonly trustsProxy?: TrustsProxy | undefined;
  /** Told of every request that is answered with an error. */
  readonly onError?: (answered: AnsweredError) => void;
  /** Whether the server is being stopped: what still comes is refused, in our words. Default: never. */
  readonly stopping?: () => boolean;
  /** Which requests become something else than HTTP; all others are answered as if they had not asked. */
  readonly upgrades?: (request: IncomingMessage) => boolean;
};

/** What an error answer was to. */
export type AnsweredError = {
  readonly requestId: string;
  /** As it was registered. */
  readonly route: string;
  readonly code: ErrorCode;
  readonly error: unknown;
};

const MAX_HEADER_BYTES = 16 * 1024;
/** Longer than the 60 s that most proxies keep an idle connection, so that they close it and not we under their feet. */
const KEEP_ALIVE_MS = 65_000;
/** A request that came to none of our routes; how it was written is nobody's business but its sender's. */
const NO_ROUTE = "none";
/** Of a UUID's last group. */
const COUNT_DIGITS = 12;
/** What is answered to the last: they tell that the server is stopping, and what it did. */
const ANSWERED_TO_THE_LAST: ReadonlySet<string | undefined> = new Set(["/healthz", "/readyz", "/metrics"]);
const RETRY_ELSEWHERE_MS = 1_000;
const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** Fastify with our limits, our JSON, our errors; routes are added by the composition root. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const answerError = (thrown: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    if (!reply.sent && !reply.raw.headersSent) {
      const route = request.routeOptions.url ?? NO_ROUTE;
      options.onError?.({ requestId: request.id, route, code: toSpeechError(thrown).code, error: thrown });
    }
    sendError(thrown, request, reply);
  };
  const app = fastify({
    loggerInstance: childless(options.logger),
    logController: new LogController({ disableRequestLogging: true }), // we log one line a request, Fastify two
    bodyLimit: options.maxBodyBytes,
    requestTimeout: options.requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    ...(options.trustsProxy && { trustProxy: options.trustsProxy }),
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      // Node looks for overdue requests only this often; its own default of 30 s would make any shorter timeout a lie.
      connectionsCheckingInterval: Math.min(1_000, options.requestTimeoutMs),
      shouldUpgradeCallback: options.upgrades ?? (() => false),
    },
    return503OnClosing: false, // its 503 is none of ours; see the hook below
    genReqId: requestIds(),
    clientErrorHandler: (error, socket) => answerClientError(error, socket, options.onError),
    frameworkErrors: (error, request, reply) => answerError(error, request, reply),
    routerOptions: { maxParamLength: 512 },
    schemaController: { compilersFactory: lazyCompilers as never },
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false } },
  }) as unknown as FastifyInstance;
  app.server.maxConnections = options.maxConnections;
  app.server.headersTimeout = options.requestTimeoutMs;

  const { stopping = () => false } = options;
  app.addHook("onRequest", (request, _, done) => {
    done(stopping() && !ANSWERED_TO_THE_LAST.has(request.routeOptions.url) ? stoppingError() : undefined);
  });
  const bodies = new SeenBodies();
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_, body, done) => {
    try {
      done(null, bodies.parse(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addHook("onSend", (_, reply, __, done) => {
    for (const [name, value] of pairsOf(commonHeaders(reply))) reply.header(name, value);
    done();
  });
  app.setErrorHandler(answerError);
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Mynah",
        version: options.version,
        description: "Text-to-speech gateway: any engine, one shared cache.",
      },
      tags: [
        { name: "speech" },
        { name: "catalogue" },
        { name: "operations" },
        { name: "admin" },
        { name: "elevenlabs", description: "For clients of ElevenLabs: docs/clients/elevenlabs.md" },
        { name: "cartesia", description: "For clients of Cartesia: docs/clients/cartesia.md" },
        { name: "deepgram", description: "For clients of Deepgram: docs/clients/deepgram.md" },
      ],
      components: {
        securitySchemes: {
          bearer: { type: "http", scheme: "bearer", description: "An API key or a JWT; OpenAI's way." },
          xiApiKey: { type: "apiKey", in: "header", name: "xi-api-key", description: "An API key; ElevenLabs' way." },
          xApiKey: { type: "apiKey", in: "header", name: "x-api-key", description: "An API key; Cartesia's way." },
        },
      },
    },
  });
  app.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
  app.setNotFoundHandler((request, reply) => answerError(notFound(app, request.method, request.url), request, reply));
  return app;
}

/** For who comes by a connection that was open before. */
function stoppingError(): SpeechError {
  return new SpeechError("shutting_down", "this server is stopping; another one will answer", {
    retryAfterMs: RETRY_ELSEWHERE_MS,
  });
}

function notFound(app: FastifyInstance, method: string, url: string): SpeechError {
  const path = url.split("?", 1)[0]!.slice(0, 200);
  const others = (["GET", "POST", "PUT", "DELETE"] as const).filter(
    (other) => other !== method && app.hasRoute({ method: other, url: path }),
  );
  if (others.length > 0)
    return new SpeechError("method_not_allowed", `${path} answers to ${others.join(", ")}, not to ${method}`);
  return new SpeechError("not_found", `there is no route ${method} ${path}; GET /docs lists them`);
}

/**
 * The caller's own id if it is harmless in a header and a log line, else a new one: a random UUID's first half, the same
 * for this process, and a count. Random bytes for each request take longer than its whole way through the limiter.
 */
function requestIds(): (request: IncomingMessage) => string {
  const prefix = randomUUID().slice(0, -COUNT_DIGITS);
  let count = 0;
  return ({ headers }) => {
    const theirs = headers["x-request-id"];
    if (typeof theirs === "string" && REQUEST_ID.test(theirs)) return theirs;
    return prefix + (count++).toString(16).padStart(COUNT_DIGITS, "0");
  };
}

/** The same logger for every request: a child for each costs more than all our own headers, and we name ids ourselves. */
function childless(logger: FastifyBaseLogger): FastifyBaseLogger {
  const same: FastifyBaseLogger = Object.create(logger, { child: { value: () => same } });
  return same;
}

/** What does not even parse as HTTP is answered on the bare socket, in the same shape. */
function answerClientError(error: Error & { code?: string }, socket: Socket, onError: ServerOptions["onError"]): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [code, message] = CLIENT_ERRORS[error.code ?? ""] ?? ["invalid_request", "this is not a valid HTTP request"];
  onError?.({ requestId: randomUUID(), route: NO_ROUTE, code, error });
  answerBare(socket, new SpeechError(code, message));
}

const CLIENT_ERRORS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  HPE_HEADER_OVERFLOW: ["headers_too_large", `the headers are larger than ${MAX_HEADER_BYTES} bytes`],
  ERR_HTTP_REQUEST_TIMEOUT: ["request_timeout", "the request took too long to arrive"],
};
