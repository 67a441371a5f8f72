/** A gateway around two scripted engines whose scripts may be changed while they speak: a message `{engine, script}` replaces one, `"state"` is answered with what is open here. */
import { createGateway } from "../../src/app.ts";
import type { ConfigInput } from "../../src/config/config.ts";
import { type StandInOptions, standInEngine } from "../../test/support/stand-in-engine.ts";

const engines = ["first", "second"].map((name) => standInEngine({ name }));
const config = JSON.parse(process.env.BENCH_CONFIG ?? "{}") as ConfigInput;
const gateway = await createGateway(config, { engines });
const { port } = await gateway.listen({ port: config.port ?? 0 });

type Change = { readonly engine: number; readonly script: StandInOptions };
process.on("message", (message: "state" | Change) => {
  if (message !== "state") {
    const { script } = engines[message.engine]!;
    for (const name of Object.keys(script)) delete script[name as keyof StandInOptions];
    Object.assign(script, message.script);
    return;
  }
  process.send?.({
    rssBytes: process.memoryUsage.rss(),
    resources: process.getActiveResourcesInfo().filter((kind) => /TCP|Worker|MessagePort/.test(kind)).length,
    active: engines.reduce((sum, { active }) => sum + active, 0),
    calls: engines.reduce((sum, { calls }) => sum + calls, 0),
  });
});
process.on("disconnect", () => process.exit());
process.send?.(port);
