import type { IncomingHttpHeaders } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Soon, soon } from "../core/async.ts";
import { SpeechError } from "../core/errors.ts";
import type { Authenticator, Credential } from "../identity/authenticator.ts";
import type { Identity } from "../identity/identity.ts";
import { abortedWhenClientLeaves } from "./client-gone.ts";
import { type ForeignProtocol, foreignOf } from "./foreign.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who calls; set before a route of /v1, of /admin or of a vendor's protocol runs. */
    caller: Identity | undefined;
  }
}

/** Who made the link that a request came by; undefined: it came by none. */
export type LinkIdentity = (request: FastifyRequest) => Identity | undefined;

type RouteKind = { readonly admin: boolean; readonly foreign: ForeignProtocol | undefined };

/**
 * Finds out who calls before anything of a request is read: a stranger's body is not even parsed. By the route that was
 * matched, not by the URL as it was written, which may be escaped in many ways.
 */
export function authenticate(
  app: FastifyInstance,
  { authenticator, linkIdentity }: { authenticator: Authenticator; linkIdentity: LinkIdentity },
): void {
  app.decorateRequest("caller", undefined);
  const identify = (request: FastifyRequest, reply: FastifyReply, { admin, foreign }: RouteKind): Soon<Identity> => {
    const byLink = admin ? undefined : linkIdentity(request);
    if (byLink !== undefined) return byLink;
    const secret = foreign === undefined ? secretOf(request) : foreign.secretOf(request);
    const credential = { secret, address: request.ip };
    const caller = authenticator.identify(credential, { signal: abortedWhenClientLeaves(reply.raw) });
    return admin ? soon(caller, (identity) => administrator(identity, credential, authenticator)) : caller;
  };
  // With a callback: a promise for a hook is a turn of the event loop, and most callers are known at once.
  app.addHook("onRequest", (request, reply, done) => {
    const route = request.routeOptions.url ?? "";
    const admin = route === "/admin" || route.startsWith("/admin/");
    const foreign = foreignOf(request);
    if (!admin && foreign === undefined && route !== "/v1" && !route.startsWith("/v1/")) {
      done();
      return;
    }
    const enter = (caller: Identity): void => {
      request.caller = caller;
      done();
    };
    let caller: Soon<Identity>;
    try {
      caller = identify(request, reply, { admin, foreign });
    } catch (error) {
      done(error as Error);
      return;
    }
    if (caller instanceof Promise) caller.then(enter, done);
    else enter(caller); // not inside the try: the whole rest of the request runs in it
  });
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
