import { hash } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { SpeechError } from "../../core/errors.ts";
import type { Identity } from "../../identity/identity.ts";
import type { SignedTokens } from "../../identity/signed-token.ts";
import { checkUtterance } from "../../speech/check-utterance.ts";
import type { VoiceCatalogue } from "../../speech/voice-catalogue.ts";
import { subjectFields } from "../auth.ts";
import { abortedWhenClientLeaves } from "../client-gone.ts";
import { errorResponses } from "../schemas.ts";
import { type ByUrlQuery, boundText, linkedFields, utteranceOf } from "./by-url-query.ts";
import type { ByUrlRouteDeps } from "./by-url-route.ts";

export type LinksRouteDeps = Pick<ByUrlRouteDeps, "formats" | "clock"> & {
  readonly tokens: SignedTokens;
  readonly voices: VoiceCatalogue;
  readonly maxTextChars: number;
  /** Longest life of a link. */
  readonly maxTtlSeconds: number;
  /** What the links begin with; not set: what the request was sent to. */
  readonly publicUrl: string | undefined;
};

const DEFAULT_TTL_SECONDS = 3600;
/** Proxies, CDNs and phone systems take URLs up to about this. */
const MAX_URL_LENGTH = 8_000;

const User = Type.String({
  minLength: 1,
  maxLength: 512,
  description: "The end user whose limits the link counts on.",
});
/** In JSON numbers and truth need not be written as text. */
const LinkBody = Type.Object(
  {
    ...linkedFields,
    rate: Type.Optional(Type.Union([linkedFields.rate, Type.Integer()])),
    speed: Type.Optional(Type.Union([linkedFields.speed, Type.Number()])),
    pitch: Type.Optional(Type.Union([linkedFields.pitch, Type.Number()])),
    volume: Type.Optional(Type.Union([linkedFields.volume, Type.Number()])),
    seed: Type.Optional(Type.Union([linkedFields.seed, Type.Integer()])),
    clean: Type.Optional(Type.Union([linkedFields.clean, Type.Boolean()])),
    expiresInS: Type.Optional(
      Type.Integer({ minimum: 1, default: DEFAULT_TTL_SECONDS, description: "Seconds; LINK_MAX_TTL at most." }),
    ),
    seekable: Type.Optional(Type.Boolean({ default: false })),
    user: Type.Optional(User),
  },
  { additionalProperties: false },
);
type LinkBody = Static<typeof LinkBody>;
type LinkQuery = Omit<ByUrlQuery, "seekable" | "token">;

const LinkAnswer = Type.Object({
  url: Type.String(),
  path: Type.String({ description: "The same without scheme and host." }),
  expiresAt: Type.String({ description: "ISO 8601." }),
});

/** POST /v1/speech/links: a URL that says this one thing for a while, so that no key need be in a page. */
export function linksRoute(app: FastifyInstance, deps: LinksRouteDeps): void {
  const schema = {
    summary: "Make a signed, expiring URL of one utterance",
    tags: ["speech"],
    body: LinkBody,
    response: { 201: LinkAnswer, ...errorResponses },
  };
  app.post<{ Body: LinkBody }>("/v1/speech/links", { schema }, async (request, reply) => {
    const {
      expiresInS: seconds = Math.min(DEFAULT_TTL_SECONDS, deps.maxTtlSeconds),
      seekable,
      user,
      ...written
    } = request.body;
    const sound = asQuery(written);
    checkLife(seconds, deps.maxTtlSeconds);
    await checkSound(sound, deps, abortedWhenClientLeaves(reply.raw));
    const { subject, ...within } = subjectFields(request, user);
    const ttlMs = seconds * 1000;
    const token = deps.tokens.sign({ purpose: "link", user: subject, ...within, binds: digest(sound) }, { ttlMs });
    const query = new URLSearchParams({ ...sound, ...(seekable && { seekable: "true" }), token });
    const path = `/v1/speech?${query}`;
    const url = `${deps.publicUrl?.replace(/\/+$/, "") ?? `${request.protocol}://${request.host}`}${path}`;
    if (url.length > MAX_URL_LENGTH) {
      const message = `the link would have ${url.length} characters, and many programs take no more than ${MAX_URL_LENGTH}; shorten the text`;
      throw new SpeechError("text_too_long", message, { param: "text" });
    }
    return reply.status(201).send({ url, path, expiresAt: new Date(deps.clock.now() + ttlMs).toISOString() });
  });
}

/** As a URL writes it, which has six decimals at most. */
function asQuery(written: Omit<LinkBody, "expiresInS" | "seekable" | "user">): LinkQuery {
  const texts = Object.entries(written).map(([field, value]) => [
    field,
    String(typeof value === "number" ? Number(value.toFixed(6)) : value),
  ]);
  return Object.fromEntries(texts) as LinkQuery;
}

function checkLife(seconds: number, maxTtlSeconds: number): void {
  if (seconds <= maxTtlSeconds) return;
  throw new SpeechError("invalid_request", `"expiresInS" may be ${maxTtlSeconds} at most`, { param: "expiresInS" });
}

/** Whoever makes a link hears of a mistake, not whoever opens it. */
async function checkSound(sound: ByUrlQuery, { formats, voices, maxTextChars }: LinksRouteDeps, signal: AbortSignal) {
  await checkUtterance(utteranceOf(sound, formats), { voices, maxTextChars, signal });
}

function digest(sound: Parameters<typeof boundText>[0]): string {
  return hash("sha256", boundText(sound), "base64url");
}

/** The route that links open. */
export const LINKED_ROUTE = "/v1/speech";

/** Who made the link that a request of `LINKED_ROUTE` came by. Undefined: it came by none. Throws `link_invalid` for one that does not hold. */
export function linkIdentity(tokens: SignedTokens): (request: FastifyRequest) => Identity | undefined {
  return ({ query }) => {
    const asked = query as Partial<Record<string, unknown>>;
    if (typeof asked.token !== "string") return undefined;
    const claims = tokens.verify(asked.token, "link");
    if (claims === undefined || claims.binds !== digest(asked as ByUrlQuery))
      throw new SpeechError("link_invalid", "this link is over, or is not as it was made; ask for a new one");
    const { user, tenant, plan } = claims;
    return {
      user,
      ...(tenant !== undefined && { tenant }),
      ...(plan !== undefined && { plan }),
      admin: false,
      by: "link",
      expiresAtMs: claims.expiresAtMs,
    };
  };
}
