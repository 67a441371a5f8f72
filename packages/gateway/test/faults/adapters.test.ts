import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { SpeechEngine } from "../../src/core/ports.ts";
import { peakOf, requestOf, type Spoken, speakWith } from "../conformance/speech-engine.ts";
import { REMOTE_RIGS, SECRET } from "../support/remote-rigs.ts";
import type { Fault, StandIn } from "../support/stand-ins/fault.ts";

/** Seven tenths of a second: longer than what the faults let through, and no longer. */
const TEXT = "Late again.";

const FAULTS: readonly (readonly [Fault, string])[] = [
  [{ kind: "status", status: 400 }, "engine_rejected"],
  [{ kind: "status", status: 401 }, "engine_unauthorized"],
  [{ kind: "status", status: 403 }, "engine_unauthorized"],
  [{ kind: "status", status: 404 }, "engine_rejected"],
  [{ kind: "status", status: 429, retryAfterS: 2 }, "engine_failed"],
  [{ kind: "status", status: 500 }, "engine_failed"],
  [{ kind: "status", status: 503 }, "engine_failed"],
  [{ kind: "cut-after", bytes: 0 }, "engine_failed"],
  [{ kind: "cut-after", bytes: 9600 }, "engine_failed"],
  [{ kind: "half", bytes: 0 }, "engine_no_audio"],
  [{ kind: "wrong-format" }, "engine_failed"],
];

async function until(condition: () => boolean): Promise<void> {
  for (let n = 0; !condition(); n++) {
    if (n > 2_000) throw new Error("waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe.each(REMOTE_RIGS)("the $name adapter, when its server goes wrong", (rig) => {
  const { voice, marked, http = true, streams = true } = rig;
  let server: StandIn;
  let engine: SpeechEngine;
  let whole: Spoken;
  let before: { readonly calls: number; readonly cancelled: number };
  const speak = () => speakWith(engine, { voice, text: TEXT });
  beforeAll(async () => {
    server = await rig.start();
    engine = await rig.engine(server.url);
    whole = await speak();
  });
  beforeEach(() => {
    before = { calls: server.calls, cancelled: server.cancelled };
  });
  afterEach(() => server.fault(undefined));
  afterAll(async () => {
    await engine.close();
    await server.close();
  });
  const under = async (fault: Fault): Promise<Spoken> => {
    await server.fault(fault);
    return speak();
  };
  const speaksAgain = async (): Promise<void> => {
    await server.fault(undefined);
    expect(Buffer.compare((await speak()).audio, whole.audio)).toBe(0);
  };

  it.each(FAULTS.filter(([{ kind }]) => http || kind !== "status"))(
    "takes %j for %s, keeps its connections and speaks again afterwards",
    async (fault, code) => {
      const error: unknown = await under(fault).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code, details: { engine: "e" } });
      expect(String(error)).not.toContain(SECRET);
      const connections = server.connections;
      for (let n = 0; n < 3; n++) await speaksAgain();
      if (http) expect(server.connections - connections).toBeLessThanOrEqual(rig.requests ?? 1); // for what was cut
      expect(server.cancelled - before.cancelled).toBeLessThanOrEqual(rig.requests ?? 1); // wrong-format: it is told to stop
    },
  );

  it.runIf(http)("says when to ask again after a 429", async () => {
    const asking = under({ kind: "status", status: 429, retryAfterS: 2 });
    await expect(asking).rejects.toMatchObject({ details: { retryAfterMs: rig.saysWhen ? 2000 : 1000 } });
  });

  it.each([{ kind: "hang" }, { kind: "hang-after", bytes: 9600 }, { kind: "endless" }] satisfies Fault[])(
    "leaves a server that does %j when it is told to, and the server knows",
    async (fault) => {
      await server.fault(fault);
      const gate = new AbortController();
      const reason = new Error("deadline");
      let bytes = 0;
      const speaking = (async () => {
        for await (const { audio } of engine.synthesize(requestOf({ voice, text: TEXT }), { signal: gate.signal })) {
          bytes += audio?.byteLength ?? 0;
          if (fault.kind === "endless" && bytes > whole.audio.byteLength * 2) gate.abort(reason);
        }
      })().catch((error: unknown) => error);
      if (fault.kind === "hang" || !streams) await until(() => server.calls > before.calls);
      if (fault.kind === "hang-after" && streams) await until(() => bytes >= fault.bytes);
      if (fault.kind !== "endless" || !streams) gate.abort(reason);
      expect(await speaking).toBe(reason);
      await until(() => server.cancelled > before.cancelled);
      await speaksAgain();
    },
  );

  it("passes on what only a listener can tell: half, silence, a trickle; and noise where nothing marks audio", async () => {
    const half = await under({ kind: "half", bytes: 9600 });
    expect(half.audio.byteLength).toBe(9600);
    expect(peakOf((await under({ kind: "silence" })).samples)).toBe(0);
    const trickle = await under({ kind: "trickle", chunkBytes: 3_000, everyMs: 1 });
    expect(Buffer.compare(trickle.audio, whole.audio)).toBe(0);
    if (marked) await expect(under({ kind: "noise" })).rejects.toMatchObject({ code: "engine_failed" });
    else expect((await under({ kind: "noise" })).audio.byteLength).toBe(whole.audio.byteLength);
  });

  it.runIf(http)("uses few connections for many syntheses, one after the other or at once", async () => {
    const opened = server.connections;
    for (let n = 0; n < 10; n++) await speakWith(engine, { voice, text: "Hi." });
    expect(server.connections - opened).toBeLessThanOrEqual(2);
    for (let round = 0; round < 6; round++)
      await Promise.all(Array.from({ length: 5 }, () => speakWith(engine, { voice, text: "Hi." })));
    expect(server.connections - opened).toBeLessThanOrEqual(15); // of 40 calls
  });

  it("takes a server that is not there for engine_failed, and speaks when it is back", async () => {
    await expect(under({ kind: "refuse" })).rejects.toMatchObject({ code: "engine_failed", details: { engine: "e" } });
    await speaksAgain(); // last: fetch keeps no connection to an address that has refused one
  });
});
