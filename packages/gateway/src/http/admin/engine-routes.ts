import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { SpeechError } from "../../core/errors.ts";
import { abortedWhenClientLeaves } from "../client-gone.ts";
import { EngineBody } from "../stats-route.ts";
import type { AdminRouteContext, EngineShown } from "./admin-deps.ts";
import { actor, answers, common } from "./admin-schemas.ts";

const Shown = Type.Object({
  ...EngineBody.properties,
  switchedOff: Type.Union([Type.Object({ by: Type.String(), at: Type.String({ format: "date-time" }) }), Type.Null()]),
});
const Switched = Type.Object({
  ...Shown.properties,
  shared: Type.Boolean({
    description: "Other servers, and this one after a restart, know. False: no Redis, or it is away and will be told.",
  }),
});
const Switch = Type.Object({ on: Type.Boolean() }, { additionalProperties: false });
const params = Type.Object({ name: Type.String({ maxLength: 64 }) });

/** Which engines may speak, and how they are doing on this server. */
export function engineRoutes(
  app: FastifyInstance,
  { engines, audit }: Pick<AdminRouteContext, "engines" | "audit">,
): void {
  const known = (name: string): string => {
    if (engines.has(name)) return name;
    throw new SpeechError("not_found", `there is no engine "${name.slice(0, 64)}"; GET /admin/engines lists them`);
  };
  const one = (name: string) => shown(engines.list().find((engine) => engine.name === name)!);

  app.get(
    "/admin/engines",
    {
      schema: {
        ...common,
        summary: "Engines, their breakers, and who switched them off",
        response: answers(200, Type.Object({ engines: Type.Array(Shown) })),
      },
    },
    async () => ({ engines: engines.list().map(shown) }),
  );

  app.put<{ Params: { name: string }; Body: { on: boolean } }>(
    "/admin/engines/:name",
    {
      schema: {
        ...common,
        summary: "Switch an engine on or off",
        description:
          "On all servers that share a Redis within a second or two, and after a restart. What it is saying is said to the end, what is stored of it is still heard.",
        params,
        body: Switch,
        response: answers(200, Switched),
      },
    },
    async (request, reply) => {
      const name = known(request.params.name);
      const { on } = request.body;
      const change = { on, by: actor(request).by };
      const { shared } = await engines.set(name, change, { signal: abortedWhenClientLeaves(reply.raw) });
      audit({ action: on ? "engine.on" : "engine.off", engine: name, ...actor(request) });
      return { ...one(name), shared };
    },
  );

  app.post<{ Params: { name: string } }>(
    "/admin/engines/:name/reset",
    {
      schema: { ...common, summary: "Close an engine's breaker on this server", params, response: answers(200, Shown) },
    },
    async (request) => {
      const name = known(request.params.name);
      engines.reset(name);
      audit({ action: "engine.reset", engine: name, ...actor(request) });
      return one(name);
    },
  );
}

function shown({ off, ...stats }: EngineShown) {
  return { ...stats, switchedOff: off === undefined ? null : { by: off.by, at: new Date(off.atMs).toISOString() } };
}
