import type { IncomingHttpHeaders } from "node:http";
import type {
  FastifyContextConfig,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
} from "fastify";
import { type Soon, soon } from "../core/async.ts";
import { SpeechError } from "../core/errors.ts";
import type { Authenticator, Credential } from "../identity/authenticator.ts";
import type { Identity } from "../identity/identity.ts";
import { abortedWhenClientLeaves } from "./client-gone.ts";
import { foreignBy } from "./foreign.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who calls; set before a route of /v1, of /admin or of a vendor's protocol runs. */
    caller: Identity | undefined;
  }
}

/** What a link opens, and who made the one that a request of it came by; undefined: it came by none. */
export type Links = { readonly route: string; readonly identify: (request: FastifyRequest) => Identity | undefined };

/** What is known of a route before anybody asks for it. */
type Guarded = { readonly admin: boolean; readonly linked: boolean; readonly foreign: FastifyContextConfig["foreign"] };

/**
 * Finds out who calls before anything of a request is read: a stranger's body is not even parsed. By the route that was
 * matched, not by the URL as it was written, which may be escaped in many ways. To be called before the routes are added.
 */
export function authenticate(
  app: FastifyInstance,
  { authenticator, links }: { readonly authenticator: Authenticator; readonly links: Links },
): void {
  app.decorateRequest("caller", undefined);
  const identify = (request: FastifyRequest, reply: FastifyReply, guarded: Guarded): Soon<Identity> => {
    const byLink = guarded.linked ? links.identify(request) : undefined;
    if (byLink !== undefined) return byLink;
    const foreign = foreignBy(guarded.foreign, request);
    const secret = foreign === undefined ? secretOf(request) : foreign.secretOf(request);
    const credential = { secret, address: request.ip };
    const caller = authenticator.identify(credential, { signal: abortedWhenClientLeaves(reply.raw) });
    return guarded.admin ? soon(caller, (identity) => administrator(identity, credential, authenticator)) : caller;
  };
  // With a callback: a promise for a hook is a turn of the event loop, and most callers are known at once.
  const guard =
    (guarded: Guarded): onRequestHookHandler =>
    (request, reply, done) => {
      const enter = (caller: Identity): void => {
        request.caller = caller;
        done();
      };
      let caller: Soon<Identity>;
      try {
        caller = identify(request, reply, guarded);
      } catch (error) {
        done(error as Error);
        return;
      }
      if (caller instanceof Promise) caller.then(enter, done);
      else enter(caller); // not inside the try: the whole rest of the request runs in it
    };
  app.addHook("onRoute", (route) => {
    const { url, config } = route;
    const admin = below(url, "/admin");
    const foreign = config?.foreign;
    if (!admin && foreign === undefined && !below(url, "/v1")) return;
    route.onRequest = [guard({ admin, linked: url === links.route, foreign }), ...[route.onRequest ?? []].flat()];
  });
}

function below(url: string, path: string): boolean {
  return url === path || url.startsWith(`${path}/`);
}

function administrator(caller: Identity, credential: Credential, authenticator: Authenticator): Identity {
  if (caller.admin) return caller;
  const missing = credential.secret === undefined;
  if (!missing) authenticator.refused(credential); // or the admin key could be guessed at leisure
  throw new SpeechError(missing ? "unauthorized" : "forbidden", "this route wants an admin key: see ADMIN_KEY");
}

/** The caller and the end user it names, as they are counted. */
export function subjectFields({ caller }: FastifyRequest, endUser: string | undefined) {
  if (caller === undefined) throw new SpeechError("internal", "a route asked who calls, and nobody had found out");
  const { user, tenant, plan } = caller;
  const subject = endUser ?? user;
  if (tenant === undefined && plan === undefined) return { subject };
  return { subject, ...(tenant !== undefined && { tenant }), ...(plan !== undefined && { plan }) };
}

const BEARER = /^Bearer +(\S+) *$/i;

/** The token of `Authorization: Bearer …`. */
export function bearerOf({ authorization }: IncomingHttpHeaders): string | undefined {
  return authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
}

/** OpenAI's way, then ElevenLabs'. */
export function secretOf({ headers }: { readonly headers: IncomingHttpHeaders }): string | undefined {
  const bearer = bearerOf(headers);
  const theirs = headers["xi-api-key"];
  return bearer ?? (typeof theirs === "string" && theirs !== "" ? theirs : undefined);
}
