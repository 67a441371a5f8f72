import type { IncomingHttpHeaders } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { SpeechError } from "../core/errors.ts";
import type { Authenticator } from "../identity/authenticator.ts";
import type { Identity } from "../identity/identity.ts";
import { abortedWhenClientLeaves } from "./client-gone.ts";
import { foreignOf } from "./foreign.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who calls; set before a route of /v1, of /admin or of a vendor's protocol runs. */
    caller: Identity | undefined;
  }
}

/** Who made the link that a request came by; undefined: it came by none. */
export type LinkIdentity = (request: FastifyRequest) => Identity | undefined;

/**
 * Finds out who calls before anything of a request is read: a stranger's body is not even parsed. By the route that was
 * matched, not by the URL as it was written, which may be escaped in many ways.
 */
export function authenticate(
  app: FastifyInstance,
  { authenticator, linkIdentity }: { authenticator: Authenticator; linkIdentity: LinkIdentity },
): void {
  app.decorateRequest("caller", undefined);
  app.addHook("onRequest", async (request, reply) => {
    const route = request.routeOptions.url ?? "";
    const admin = isBelow(route, "/admin");
    const foreign = foreignOf(request);
    if (!admin && foreign === undefined && !isBelow(route, "/v1")) return;
    const secret = foreign === undefined ? secretOf(request) : foreign.secretOf(request);
    const credential = { secret, address: request.ip };
    request.caller = admin ? undefined : linkIdentity(request);
    if (request.caller !== undefined) return;
    const caller = await authenticator.identify(credential, { signal: abortedWhenClientLeaves(reply.raw) });
    if (admin && !caller.admin) {
      const missing = credential.secret === undefined;
      if (!missing) authenticator.refused(credential); // or the admin key could be guessed at leisure
      throw new SpeechError(missing ? "unauthorized" : "forbidden", "this route wants an admin key: see ADMIN_KEY");
    }
    request.caller = caller;
  });
}

/** The caller and the end user it names, as they are counted. */
export function subjectFields({ caller }: FastifyRequest, endUser: string | undefined) {
  if (caller === undefined) throw new SpeechError("internal", "a route asked who calls, and nobody had found out");
  const { user, tenant, plan } = caller;
  return {
    subject: endUser ?? user,
    ...(tenant !== undefined && { tenant }),
    ...(plan !== undefined && { plan }),
  };
}

function isBelow(route: string, prefix: string): boolean {
  return route === prefix || route.startsWith(`${prefix}/`);
}

/** The token of `Authorization: Bearer …`. */
export function bearerOf({ authorization = "" }: IncomingHttpHeaders): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
}

/** OpenAI's way, then ElevenLabs'. */
export function secretOf({ headers }: { readonly headers: IncomingHttpHeaders }): string | undefined {
  const bearer = bearerOf(headers);
  const theirs = headers["xi-api-key"];
  return bearer ?? (typeof theirs === "string" && theirs !== "" ? theirs : undefined);
}
