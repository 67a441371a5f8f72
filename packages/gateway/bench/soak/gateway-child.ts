/**
 * A gateway around two scripted engines, as a process that can be killed. It tells its parent of every call of an engine
 * and of whatever may explain a second one, and answers what is open here.
 */
import { createGateway } from "../../src/app.ts";
import type { ConfigInput } from "../../src/config/config.ts";
import type { SpeechEngine } from "../../src/core/ports.ts";
import { type StandInOptions, standInEngine } from "../../test/support/stand-in-engine.ts";
import { noteLogger } from "./note-logger.ts";
import { now } from "./now.ts";

/** What our parent says. */
export type ToChild =
  | { readonly type: "script"; readonly engine: number; readonly script: StandInOptions }
  | { readonly type: "state"; readonly id: number };

/** Why something may be made twice, or admitted beyond the limit. */
export type NoteKind = "not decided" | "redis down" | "redis up";

export type ChildState = {
  readonly rssBytes: number;
  /** What keeps the process alive, by kind: sockets, threads, timers. */
  readonly resources: Readonly<Record<string, number>>;
  readonly active: number;
  /** Of each engine, as the engine counted them. */
  readonly calls: Readonly<Record<string, number>>;
};
export type CallEnd = "finished" | "failed" | "left";

/** What we say. */
export type FromChild =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "state"; readonly id: number; readonly state: ChildState }
  | {
      readonly type: "call";
      readonly atMs: number;
      readonly id: number;
      readonly engine: string;
      readonly segment: string;
    }
  | { readonly type: "called"; readonly atMs: number; readonly id: number; readonly how: CallEnd }
  | { readonly type: "note"; readonly atMs: number; readonly kind: NoteKind; readonly roles?: readonly string[] };

const send = (message: FromChild): void => {
  if (process.connected) process.send?.(message, undefined, {}, () => {});
};

let calls = 0;
/** The same engine, telling of each call when it begins and when it is over. */
function told(engine: SpeechEngine): SpeechEngine {
  return {
    ...engine,
    async *synthesize(request, options) {
      const id = ++calls;
      send({ type: "call", atMs: now(), id, engine: engine.name, segment: `${request.voice} ${request.text}` });
      let how: CallEnd = "left";
      try {
        yield* engine.synthesize(request, options);
        how = "finished";
      } catch (error) {
        how = options.signal.aborted ? "left" : "failed";
        throw error;
      } finally {
        send({ type: "called", atMs: now(), id, how });
      }
    },
  };
}

/** A voice that takes a while, so that syntheses are caught in the middle. */
const UNHURRIED: StandInOptions = { firstByteMs: 40, chunkMs: 15 };
const engines = ["first", "second"].map((name) => standInEngine({ name, ...UNHURRIED }));
const config = JSON.parse(process.env.BENCH_CONFIG ?? "{}") as ConfigInput;
const gateway = await createGateway(config, {
  engines: engines.map(told),
  logger: noteLogger((kind, roles) => send({ type: "note", atMs: now(), kind, ...(roles && { roles }) })),
});
const { port } = await gateway.listen({ port: config.port ?? 0 });

process.on("message", (message: ToChild) => {
  if (message.type === "script") {
    const { script } = engines[message.engine]!;
    for (const name of Object.keys(script)) delete script[name as keyof StandInOptions];
    Object.assign(script, UNHURRIED, message.script);
    return;
  }
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  send({
    type: "state",
    id: message.id,
    state: {
      rssBytes: process.memoryUsage.rss(),
      resources,
      active: engines.reduce((sum, { active }) => sum + active, 0),
      calls: Object.fromEntries(engines.map((engine) => [engine.name, engine.calls])),
    },
  });
});
process.once("SIGTERM", () => void gateway.close().then(() => process.exit(0)));
process.on("disconnect", () => process.exit());
send({ type: "listening", port });
