/**
 * Every route of a running gateway × every kind of caller, from one table. A route that is not in the table fails, so
 * whoever adds one says here whom it is for.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { FastifyInstance } from "fastify";
import { SignJWT } from "jose";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { hashKey } from "../../src/identity/api-key.ts";
import { SocketPaths } from "../../src/ws/socket-protocol.ts";
import { type RunningGateway, runGateway } from "../support/gateway.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const JWT_SECRET = "a secret of more than thirty-two characters";
const KEYS = {
  caller: "ann-key-0123456789abcdef",
  boss: "boss-key-0123456789abcdef",
  admin: "root-key-0123456789abcdef",
  metrics: "prom-key-0123456789abcdef",
};
const SPOKEN = { text: "Who goes there?", voice: "one", format: "wav" };

const CALLERS = [
  "nobody",
  "a wrong key",
  "a caller",
  "an admin's key of the ring",
  "the admin key",
  "the metrics key",
  "a JWT",
  "an expired JWT",
  "a JWT of another secret",
  "a socket token",
  "a changed socket token",
  "a signed link",
  "a link of other words",
] as const;
type Caller = (typeof CALLERS)[number];
/** For HEAD, which runs what GET runs. */
const FEW = ["nobody", "a caller", "the admin key"] as const satisfies Caller[];
type Verdict = "in" | 401 | 403;
type Rule = Readonly<Record<Caller, Verdict>>;

const rule = (otherwise: Verdict, exceptions: Partial<Rule> = {}): Rule => ({
  ...(Object.fromEntries(CALLERS.map((caller) => [caller, otherwise])) as Rule),
  ...exceptions,
});
const ADMINS = { "an admin's key of the ring": "in", "the admin key": "in" } as const;
/** Whom a route can be for. */
const ANYBODY = rule("in");
const SPEAKERS = rule(401, { ...ADMINS, "a caller": "in", "a JWT": "in" });
const ADMIN = rule(401, { ...ADMINS, "a caller": 403, "a JWT": 403 });
const METRICS = rule(401, { ...ADMINS, "a caller": 403, "a JWT": 403, "the metrics key": "in" });
/** A token of any kind in this URL is taken for a link's. */
const LINKS = {
  ...SPEAKERS,
  ...{ "a signed link": "in", "a link of other words": 403, "a socket token": 403, "a changed socket token": 403 },
} as const satisfies Rule;
const SOCKET = { ...SPEAKERS, "a socket token": "in" } as const satisfies Rule;

type Route = {
  readonly rule: Rule;
  /** What whoever is let in is answered. */
  readonly answer: number;
  /** Default: the route itself. */
  readonly path?: string;
  readonly body?: object;
  /** Where a token stands in the URL. */
  readonly tokenIn?: string;
};

const elevenLabsSpeech = (path: string): Route => ({ rule: SPEAKERS, answer: 200, path, body: { text: SPOKEN.text } });
const CARTESIA_SPEECH = {
  ...{ model_id: "sonic-3", transcript: SPOKEN.text, voice: { mode: "id", id: "one" } },
  output_format: { container: "wav", encoding: "pcm_s16le", sample_rate: 24_000 },
};

/** What the page is built of; its names hold digests. */
const PAGE_FILE = /^\/(assets\/.+|[^/]+\.(js|css|svg|png|ico|html|woff2|webmanifest))$/;
const ENDLESS = new Set(["/v1/stats/stream"]);

/** The table. */
const ROUTES: Readonly<Record<string, Route>> = {
  "GET /": { rule: ANYBODY, answer: 200 },
  "GET /docs": { rule: ANYBODY, answer: 200 },
  "GET /docs/docs.css": { rule: ANYBODY, answer: 200 },
  "GET /openapi.json": { rule: ANYBODY, answer: 200 },
  "GET /healthz": { rule: ANYBODY, answer: 200 },
  "GET /readyz": { rule: ANYBODY, answer: 200 },
  "GET /metrics": { rule: METRICS, answer: 200 },

  "POST /v1/audio/speech": {
    ...{ rule: SPEAKERS, answer: 200 },
    body: { model: "tts-1", input: SPOKEN.text, voice: "one", response_format: "pcm" },
  },
  "GET /v1/audio/voices": { rule: SPEAKERS, answer: 200 },
  "GET /v1/audio/models": { rule: SPEAKERS, answer: 200 },
  "GET /v1/models": { rule: SPEAKERS, answer: 200 },
  "GET /v1/speech": { rule: LINKS, answer: 200, path: `/v1/speech?${new URLSearchParams(SPOKEN)}` },
  "POST /v1/speech/links": { rule: SPEAKERS, answer: 201, body: SPOKEN },
  "POST /v1/speech/subtitles": {
    rule: SPEAKERS,
    answer: 200,
    body: { model: "tts-1", input: SPOKEN.text, voice: "one" },
  },
  "POST /v1/speech/tokens": { rule: SPEAKERS, answer: 201, body: {} },
  "GET /v1/speech/ws": { rule: SPEAKERS, answer: 426 },
  "GET /v1/stats": { rule: SPEAKERS, answer: 200 },
  "GET /v1/stats/history": { rule: SPEAKERS, answer: 200 },
  "GET /v1/stats/stream": { rule: SPEAKERS, answer: 200 },

  "GET /v1/speak": { rule: SPEAKERS, answer: 426 },
  "POST /v1/speak": { rule: SPEAKERS, answer: 200, path: "/v1/speak?model=one", body: { text: SPOKEN.text } },

  "POST /v1/text-to-speech/:voice_id": elevenLabsSpeech("/v1/text-to-speech/one"),
  "POST /v1/text-to-speech/:voice_id/stream": elevenLabsSpeech("/v1/text-to-speech/one/stream"),
  "POST /v1/text-to-speech/:voice_id/with-timestamps": elevenLabsSpeech("/v1/text-to-speech/one/with-timestamps"),
  "POST /v1/text-to-speech/:voice_id/stream/with-timestamps": elevenLabsSpeech(
    "/v1/text-to-speech/one/stream/with-timestamps",
  ),
  "GET /v1/text-to-speech/:voice_id/stream-input": { rule: SPEAKERS, answer: 426 },
  "GET /v1/text-to-speech/:voice_id/multi-stream-input": { rule: SPEAKERS, answer: 426 },
  "POST /v1/single-use-token/:token_type": {
    ...{ rule: SPEAKERS, answer: 200 },
    path: "/v1/single-use-token/tts_websocket",
  },
  "GET /v1/voices": { rule: SPEAKERS, answer: 200 },
  "GET /v1/voices/:voice_id": { rule: SPEAKERS, answer: 200, path: "/v1/voices/one" },
  "GET /v2/voices": { rule: SPEAKERS, answer: 200 },
  "GET /v1/user": { rule: SPEAKERS, answer: 200 },
  "GET /v1/user/subscription": { rule: SPEAKERS, answer: 200 },

  "POST /tts/bytes": { rule: SPEAKERS, answer: 200, body: CARTESIA_SPEECH },
  "POST /tts/sse": {
    ...{ rule: SPEAKERS, answer: 200 },
    body: { ...CARTESIA_SPEECH, output_format: { container: "raw", encoding: "pcm_s16le", sample_rate: 24_000 } },
  },
  "GET /tts/websocket": { rule: SPEAKERS, answer: 426 },
  "POST /access-token": { rule: SPEAKERS, answer: 200, body: {} },
  "GET /voices": { rule: SPEAKERS, answer: 200 },
  "GET /voices/": { rule: SPEAKERS, answer: 200 },
  "GET /voices/:id": { rule: SPEAKERS, answer: 200, path: "/voices/one" },

  "GET /admin/config": { rule: ADMIN, answer: 200 },
  "GET /admin/engines": { rule: ADMIN, answer: 200 },
  "PUT /admin/engines/:name": { rule: ADMIN, answer: 200, path: "/admin/engines/stand-in", body: { on: true } },
  "POST /admin/engines/:name/reset": { rule: ADMIN, answer: 200, path: "/admin/engines/stand-in/reset" },
  "POST /admin/cache/purge": { rule: ADMIN, answer: 200, body: { key: "0".repeat(64) } },
  "POST /admin/cache/warm": { rule: ADMIN, answer: 202, body: { phrases: ["One."], voice: "one" } },
  "GET /admin/jobs": { rule: ADMIN, answer: 200 },
  "GET /admin/jobs/:id": { rule: ADMIN, answer: 404, path: "/admin/jobs/none" },
  "DELETE /admin/jobs/:id": { rule: ADMIN, answer: 404, path: "/admin/jobs/none" },
  "GET /admin/limits": { rule: ADMIN, answer: 200 },
  "GET /admin/limits/:user": { rule: ADMIN, answer: 200, path: "/admin/limits/eve" },
  "DELETE /admin/limits/:user": { rule: ADMIN, answer: 204, path: "/admin/limits/eve" },
  "GET /admin/keys": { rule: ADMIN, answer: 200 },
  "POST /admin/keys": { rule: ADMIN, answer: 400, body: { user: "eve" } }, // 400: there is no Redis to keep it
  "DELETE /admin/keys/:id": { rule: ADMIN, answer: 404, path: "/admin/keys/none" },
};

const elevenLabsSocket = (path: string): Route => ({
  ...{ rule: { ...SOCKET, nobody: "in" }, answer: 101 },
  ...{ path, tokenIn: "single_use_token" },
});
const SOCKETS: Readonly<Record<string, Route>> = {
  "/v1/speech/ws": { rule: SOCKET, answer: 101 },
  "/v1/speak": { rule: SPEAKERS, answer: 101, path: "/v1/speak?model=one" },
  // ElevenLabs' clients may show their key in their first message; test/clients/elevenlabs.test.ts has those that do not.
  "/v1/text-to-speech/{voice_id}/stream-input": elevenLabsSocket("/v1/text-to-speech/one/stream-input"),
  "/v1/text-to-speech/{voice_id}/multi-stream-input": elevenLabsSocket("/v1/text-to-speech/one/multi-stream-input"),
  "/tts/websocket": { rule: SOCKET, answer: 101, tokenIn: "access_token" },
};

type Credential = { readonly secret?: string; readonly token?: string };

const seen = new Set<string>();
let gateway: RunningGateway;
let credentials: Readonly<Record<Caller, Credential>>;
let socketPaths: readonly string[];

beforeAll(async () => {
  const watch = (message: unknown): void => {
    const { fastify } = message as { fastify: FastifyInstance };
    fastify.addHook("onRoute", ({ method, url }) => {
      for (const one of [method].flat()) if (!PAGE_FILE.test(url)) seen.add(`${one} ${url}`);
    });
  };
  subscribe("fastify.initialization", watch);
  gateway = await runGateway(
    {
      keys: [
        { hash: hashKey(KEYS.caller), user: "ann" },
        { hash: hashKey(KEYS.boss), user: "boss", admin: true },
      ],
      ...{ adminKey: KEYS.admin, metricsKey: KEYS.metrics, jwtSecret: JWT_SECRET, signingSecret: "s".repeat(32) },
      trustedProxies: "loopback",
    },
    { engines: [standInEngine()] },
  );
  unsubscribe("fastify.initialization", watch);
  const find = vi.spyOn(SocketPaths.prototype, "find");
  await ask("GET", "/nowhere", {}, { upgrade: true });
  socketPaths = (find.mock.contexts[0] as SocketPaths).paths;
  find.mockRestore();
  credentials = await makeCredentials();
});

async function makeCredentials(): Promise<typeof credentials> {
  const tokenOf = (url: string): string => new URL(url, "http://localhost").searchParams.get("token")!;
  const made = async (path: string, body: object): Promise<{ token: string; path: string }> => {
    const headers = { authorization: `Bearer ${KEYS.caller}`, "content-type": "application/json" };
    const answer = await fetch(`${gateway.url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    expect(answer.status).toBe(201);
    return (await answer.json()) as { token: string; path: string };
  };
  const socketToken = (await made("/v1/speech/tokens", {})).token;
  return {
    nobody: {},
    "a wrong key": { secret: "wrong-key-0123456789abcdef" },
    "a caller": { secret: KEYS.caller },
    "an admin's key of the ring": { secret: KEYS.boss },
    "the admin key": { secret: KEYS.admin },
    "the metrics key": { secret: KEYS.metrics },
    "a JWT": { secret: await jwt("1m") },
    "an expired JWT": { secret: await jwt("-5m") },
    "a JWT of another secret": { secret: await jwt("1m", JWT_SECRET.toUpperCase()) },
    "a socket token": { token: socketToken },
    "a changed socket token": { token: socketToken.replace(/^./, (first) => (first === "e" ? "f" : "e")) },
    "a signed link": { token: tokenOf((await made("/v1/speech/links", SPOKEN)).path) },
    "a link of other words": { token: tokenOf((await made("/v1/speech/links", { ...SPOKEN, text: "Others." })).path) },
  };
}

function jwt(expires: string, secret = JWT_SECRET): Promise<string> {
  const token = new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setSubject("ann").setExpirationTime(expires);
  return token.sign(new TextEncoder().encode(secret));
}

let asked = 0;
type AskOptions = Pick<Route, "body" | "tokenIn"> & { readonly upgrade?: boolean };

/** The status of the answer, which is not waited for to its end. Each from an address of its own: guesses are counted by it. */
function ask(
  method: string,
  path: string,
  { secret, token }: Credential,
  { body, upgrade = false, tokenIn = "token" }: AskOptions = {},
): Promise<number> {
  asked++;
  const query = token === undefined ? "" : `${path.includes("?") ? "&" : "?"}${tokenIn}=${token}`;
  const { hostname, port } = new URL(gateway.url);
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      ...{ hostname, port, method, path: path + query, agent: false },
      headers: {
        "x-forwarded-for": `10.0.${asked >> 8}.${asked & 255}`,
        ...(secret !== undefined && { authorization: `Bearer ${secret}` }),
        ...(body && { "content-type": "application/json" }),
        ...(upgrade && UPGRADE),
      },
    });
    const end = (status: number): void => {
      request.destroy();
      resolve(status);
    };
    request.on("response", ({ statusCode }) => end(statusCode!));
    request.on("upgrade", (_, socket) => {
      socket.destroy();
      end(101);
    });
    request.on("error", reject);
    request.end(body && JSON.stringify(body));
  });
}

const UPGRADE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** What everybody is answered there, beside what the table says. */
async function compare(
  method: string,
  path: string,
  route: Route,
  { callers = CALLERS, upgrade = false }: { readonly callers?: readonly Caller[]; readonly upgrade?: boolean } = {},
): Promise<void> {
  const { rule, answer } = route;
  const answers = await Promise.all(
    callers.map(async (caller) => [caller, await ask(method, path, credentials[caller], { ...route, upgrade })]),
  );
  const expected = callers.map((caller) => [caller, rule[caller] === "in" ? answer : rule[caller]]);
  expect(Object.fromEntries(answers), `${method} ${path}`).toEqual(Object.fromEntries(expected));
}

describe("The table", () => {
  it("has every route and every socket of a running gateway, and no other", () => {
    const routes = [...seen].filter((route) => !route.startsWith("HEAD "));
    expect(routes.sort()).toEqual(Object.keys(ROUTES).sort());
    expect([...socketPaths].sort()).toEqual(Object.keys(SOCKETS).sort());
    // HEAD comes with GET, and with nothing else.
    const heads = [...seen].filter((route) => route.startsWith("HEAD ")).map((route) => route.replace("HEAD", "GET"));
    expect(heads.filter((route) => !seen.has(route))).toEqual([]);
  });
});

describe("A gateway with keys lets in whom a route is for, and nobody else:", () => {
  it.each(Object.entries(ROUTES))("%s", async (name, route) => {
    const [method, path] = name.split(" ") as [string, string];
    await compare(method, route.path ?? path, route);
    if (method === "GET" && !ENDLESS.has(path)) await compare("HEAD", route.path ?? path, route, { callers: FEW });
  });

  it.each(Object.entries(SOCKETS))("the socket %s", async (path, route) => {
    await compare("GET", route.path ?? path, route, { upgrade: true });
  });

  it("and speaks on a socket that was opened without a key to nobody who shows none, or a wrong one", async () => {
    for (const [secret, error] of [
      [undefined, "needs_authorization"],
      ["wrong-key-0123456789abcdef", "invalid_api_key"],
    ] as const) {
      const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/v1/text-to-speech/one/stream-input`);
      const heard: string[] = [];
      socket.on("message", (data: Buffer) => heard.push(data.toString()));
      await once(socket, "open");
      socket.send(JSON.stringify({ text: "Hello there. ", flush: true, ...(secret && { "xi-api-key": secret }) }));
      await once(socket, "close");
      expect(heard.map((message) => JSON.parse(message).error)).toEqual([error]);
    }
  });

  it("and tells strangers nothing of routes that there are not", async () => {
    for (const path of ["/admin/none", "/v1/none", "/v1%2Fmodels", "//v1/models", "/v1/models/", "/V1/models"])
      expect(await ask("GET", path, {}), path).toBe(404);
    for (const path of ["/%76%31/models", "/v1/%6dodels", "/%61dmin/keys"])
      expect(await ask("GET", path, {}), path).toBe(401);
  });
});
