import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { SpeechError } from "../core/errors.ts";
import type { CallOptions } from "../core/ports.ts";
import { type Subject, unitOf, type WindowState } from "../core/quota.ts";
import { abortedWhenClientLeaves } from "./client-gone.ts";
import { errorResponses } from "./schemas.ts";

/** What administrators may ask of the limiter. */
export type LimitAdministration = {
  state(subject: Subject, options: CallOptions): Promise<readonly WindowState[]>;
  reset(subject: Subject, options: CallOptions): Promise<void>;
  mostRefused(
    limit: number,
    options: CallOptions,
  ): Promise<readonly { readonly user: string; readonly refusals: number }[]>;
};

type KeyOwner = { user: string; tenant?: string; plan?: string; admin?: boolean };
type KeyShown = {
  readonly id: string;
  readonly source: string;
  readonly user: string;
  readonly tenant?: string | undefined;
  readonly plan?: string | undefined;
  readonly admin?: boolean | undefined;
  readonly createdAtMs?: number | undefined;
};

export type KeyAdministration = {
  list(): readonly KeyShown[];
  /** A key of this user, for its tenant and plan. */
  ofUser(user: string): Pick<KeyShown, "tenant" | "plan"> | undefined;
  /** Undefined: there is no Redis to keep it in. */
  create(
    owner: KeyOwner,
    options: CallOptions,
  ): Promise<{ readonly key: string; readonly hash: string; readonly id: string } | undefined>;
  revoke(id: string, options: CallOptions): Promise<boolean>;
};

/** One line of the audit log: who did what to whom. */
export type Audit = (entry: { readonly action: string } & Readonly<Record<string, unknown>>) => void;

export type AdminRoutesDeps = {
  readonly limits: LimitAdministration;
  readonly keys: KeyAdministration;
  readonly audit: Audit;
};

const Name = Type.String({ minLength: 1, maxLength: 512 });
const Within = Type.Object(
  {
    tenant: Type.Optional(Name),
    plan: Type.Optional(Name),
  },
  { additionalProperties: false },
);
const WindowBody = Type.Object({
  name: Type.String(),
  unit: Type.Enum(["requests", "characters", "streams"]),
  limit: Type.Integer(),
  seconds: Type.Number(),
  remaining: Type.Integer(),
  resetMs: Type.Integer(),
});
const LimitsBody = Type.Object({
  user: Type.String(),
  tenant: Type.Union([Type.String(), Type.Null()]),
  plan: Type.Union([Type.String(), Type.Null()]),
  windows: Type.Array(WindowBody),
});
const RefusedBody = Type.Object({
  refused: Type.Array(Type.Object({ user: Type.String(), refusals: Type.Integer() })),
});
const KeyOwnerBody = Type.Object(
  { user: Name, tenant: Type.Optional(Name), plan: Type.Optional(Name), admin: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
);
const KeyBody = Type.Object({
  id: Type.String({ description: "What DELETE /admin/keys/{id} takes." }),
  source: Type.Enum(["config", "redis"]),
  user: Type.String(),
  tenant: Type.Optional(Type.String()),
  plan: Type.Optional(Type.String()),
  admin: Type.Optional(Type.Boolean()),
  createdAtMs: Type.Optional(Type.Number()),
});
const security: Record<string, string[]>[] = [{ bearer: [] }, { xiApiKey: [] }];
const common = { tags: ["admin"], security };

type UserRoute = { Params: { user: string }; Querystring: Static<typeof Within> };

/** Limits and keys, for whoever has an admin key. Every change is a line in the audit log. */
export function adminRoutes(app: FastifyInstance, deps: AdminRoutesDeps): void {
  limitRoutes(app, deps);
  keyRoutes(app, deps);
}

function limitRoutes(app: FastifyInstance, { limits, keys, audit }: AdminRoutesDeps): void {
  const params = Type.Object({ user: Name });
  const subjectOf = ({ params: { user }, query }: FastifyRequest<UserRoute>): Subject => {
    const known = keys.ofUser(user);
    const tenant = query.tenant ?? (known === undefined ? undefined : (known.tenant ?? user));
    const plan = query.plan ?? known?.plan;
    return { user, ...(tenant !== undefined && { tenant }), ...(plan !== undefined && { plan }) };
  };

  const show = { ...common, summary: "What a user has left", params, querystring: Within };
  app.get<UserRoute>(
    "/admin/limits/:user",
    { schema: { ...show, response: { 200: LimitsBody, ...errorResponses } } },
    async (request, reply) => {
      const subject = subjectOf(request);
      const states = await limits.state(subject, { signal: abortedWhenClientLeaves(reply.raw) });
      return {
        user: subject.user,
        tenant: subject.tenant ?? null,
        plan: subject.plan ?? null,
        windows: states.map(shown),
      };
    },
  );

  const reset = { ...common, summary: "Forget what a user took", params, querystring: Within };
  app.delete<UserRoute>(
    "/admin/limits/:user",
    { schema: { ...reset, response: { 204: { type: "null" }, ...errorResponses } } },
    async (request, reply) => {
      const { user, tenant } = subjectOf(request);
      await reachingRedis(
        limits.reset({ user, ...(tenant !== undefined && { tenant }) }, { signal: abortedWhenClientLeaves(reply.raw) }),
      );
      audit({
        action: "limits.reset",
        by: request.caller?.user,
        user,
        tenant,
        address: request.ip,
        requestId: request.id,
      });
      return reply.status(204).send();
    },
  );

  const top = Type.Object(
    { limit: Type.Optional(Type.String({ pattern: "^[1-9][0-9]{0,2}$" })) },
    { additionalProperties: false },
  );
  app.get<{ Querystring: Static<typeof top> }>(
    "/admin/limits",
    {
      schema: {
        ...common,
        summary: "The most refused users of about a day",
        querystring: top,
        response: { 200: RefusedBody, ...errorResponses },
      },
    },
    async (request, reply) => ({
      refused: await reachingRedis(
        limits.mostRefused(Number(request.query.limit ?? 20), { signal: abortedWhenClientLeaves(reply.raw) }),
      ),
    }),
  );
}

function keyRoutes(app: FastifyInstance, { keys, audit }: AdminRoutesDeps): void {
  const Created = Type.Object({
    key: Type.String({ description: "Told only now." }),
    hash: Type.String(),
    id: Type.String(),
  });
  app.get(
    "/admin/keys",
    {
      schema: {
        ...common,
        summary: "All keys, without the keys themselves",
        response: { 200: Type.Object({ keys: Type.Array(KeyBody) }), ...errorResponses },
      },
    },
    async () => ({ keys: [...keys.list()] }),
  );

  app.post<{ Body: Static<typeof KeyOwnerBody> }>(
    "/admin/keys",
    { schema: { ...common, summary: "Make a key", body: KeyOwnerBody, response: { 201: Created, ...errorResponses } } },
    async (request, reply) => {
      const made = await reachingRedis(keys.create(request.body, { signal: abortedWhenClientLeaves(reply.raw) }));
      if (made === undefined)
        throw new SpeechError(
          "invalid_request",
          "without Redis a key is kept in the config file: `mynah keys create` prints its line",
        );
      audit({
        action: "key.created",
        by: request.caller?.user,
        ...request.body,
        keyId: made.id,
        address: request.ip,
        requestId: request.id,
      });
      return reply.status(201).header("cache-control", "no-store").send(made);
    },
  );

  app.delete<{ Params: { id: string } }>(
    "/admin/keys/:id",
    {
      schema: {
        ...common,
        summary: "Revoke a key",
        params: Type.Object({ id: Type.String({ maxLength: 80 }) }),
        response: { 204: { type: "null" }, ...errorResponses },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!(await reachingRedis(keys.revoke(id, { signal: abortedWhenClientLeaves(reply.raw) }))))
        throw new SpeechError("not_found", "there is no such key in Redis; keys of the config file are removed there");
      audit({ action: "key.revoked", by: request.caller?.user, keyId: id, address: request.ip, requestId: request.id });
      return reply.status(204).send();
    },
  );
}

/** An administrator is told when Redis cannot be reached: a change that only this server knows would be a lie. */
async function reachingRedis<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw SpeechError.from(error, "overloaded", "Redis cannot be reached, and this is kept there");
  }
}

function shown({ window, remaining, resetMs }: WindowState): Static<typeof WindowBody> {
  return {
    name: window.name,
    unit: unitOf(window),
    limit: window.limit,
    seconds: window.lengthMs / 1000,
    remaining,
    resetMs,
  };
}
