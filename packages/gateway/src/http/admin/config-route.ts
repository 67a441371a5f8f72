import type { FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import type { AdminRouteContext } from "./admin-deps.ts";
import { answers, common } from "./admin-schemas.ts";

const Value = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]);
const Anything = Type.Record(Type.String(), Type.Unknown());
const Body = Type.Object({
  settings: Type.Array(
    Type.Object({
      name: Type.String({ description: "In the environment." }),
      value: Value,
      default: Value,
      changed: Type.Boolean(),
      meaning: Type.String(),
    }),
  ),
  engines: Type.Array(Anything),
  voices: Anything,
  plans: Anything,
  tenants: Anything,
  warnings: Type.Array(Type.String()),
});
type Shown = Static<typeof Body>;
export type ConfigBody = Readonly<{
  [Field in keyof Shown]: Shown[Field] extends (infer Item)[] ? readonly Readonly<Item>[] : Readonly<Shown[Field]>;
}>;

/** GET /admin/config: what this server runs with. Secrets that are set are only said to be. */
export function configRoute(app: FastifyInstance, { config }: Pick<AdminRouteContext, "config">): void {
  const schema = {
    ...common,
    summary: "The configuration in force, without secrets",
    description: "A secret that is set is shown as `***`; addresses lose user, password and the values of their query.",
    response: answers(200, Body),
  };
  app.get("/admin/config", { schema }, async () => config());
}
