import type { IncomingHttpHeaders } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { SpeechError } from "../core/errors.ts";
import type { Authenticator } from "../identity/authenticator.ts";
import type { Identity } from "../identity/identity.ts";
import { abortedWhenClientLeaves } from "./client-gone.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who calls; set before a route of /v1 or /admin runs. */
    caller: Identity | undefined;
  }
}

/**
 * Finds out who calls before anything of a request is read: a stranger's body is not even parsed. By the route that was
 * matched, not by the URL as it was written, which may be escaped in many ways.
 */
export function authenticate(app: FastifyInstance, { authenticator }: { authenticator: Authenticator }): void {
  app.decorateRequest("caller", undefined);
  app.addHook("onRequest", async (request, reply) => {
    const route = request.routeOptions.url ?? "";
    const admin = isBelow(route, "/admin");
    if (!admin && !isBelow(route, "/v1")) return;
    const credential = { secret: secretOf(request), address: request.ip };
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

/** OpenAI's way, then ElevenLabs'. */
export function secretOf({ headers }: { readonly headers: IncomingHttpHeaders }): string | undefined {
  const [, bearer] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? "") ?? [];
  const theirs = headers["xi-api-key"];
  return bearer ?? (typeof theirs === "string" && theirs !== "" ? theirs : undefined);
}
