import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SpeechEngine } from "../../src/core/ports.ts";
import { elevenLabsEngine } from "../../src/engines/elevenlabs/elevenlabs-engine.ts";
import { openAiEngine } from "../../src/engines/openai.ts";
import { openAiCompatibleEngine } from "../../src/engines/openai-compatible.ts";
import { piperEngine } from "../../src/engines/piper.ts";
import { peakOf, requestOf, type Spoken, speakWith } from "../conformance/speech-engine.ts";
import { openAiStandIn } from "../support/openai-stand-in.ts";
import { elevenLabsStandIn } from "../support/stand-ins/elevenlabs.ts";
import type { Fault, StandIn } from "../support/stand-ins/fault.ts";
import { piperStandIn } from "../support/stand-ins/piper.ts";

type Rig = {
  readonly name: string;
  readonly voice: string;
  /** Whether what it sends says itself what it is. */
  readonly marked: boolean;
  readonly start: () => Promise<StandIn>;
  readonly engine: (url: string) => SpeechEngine;
};

const RIGS: readonly Rig[] = [
  {
    name: "openai-compatible",
    voice: "alloy",
    marked: true,
    start: openAiStandIn,
    engine: (baseUrl) => openAiCompatibleEngine({ name: "e", baseUrl }),
  },
  {
    name: "openai",
    voice: "alloy",
    marked: false,
    start: openAiStandIn,
    engine: (baseUrl) => openAiEngine({ name: "e", apiKey: "k", model: "gpt-4o-mini-tts", baseUrl }),
  },
  {
    name: "elevenlabs",
    voice: "21m00Tcm4TlvDq8ikWAM",
    marked: false,
    start: elevenLabsStandIn,
    engine: (baseUrl) => elevenLabsEngine({ name: "e", apiKey: "k", baseUrl }),
  },
  {
    name: "piper",
    voice: "en_US-lessac-medium",
    marked: true,
    start: piperStandIn,
    engine: (baseUrl) => piperEngine({ name: "e", baseUrl }),
  },
];

async function until(condition: () => boolean): Promise<void> {
  for (let n = 0; !condition(); n++) {
    if (n > 2_000) throw new Error("waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe.each(RIGS)("the $name adapter, when its server goes wrong", ({ voice, marked, start, engine: create }) => {
  let server: StandIn;
  let engine: SpeechEngine;
  let whole: Spoken;
  beforeEach(async () => {
    server = await start();
    engine = create(server.url);
    whole = await speakWith(engine, { voice });
  });
  afterEach(() => server.close());
  const under = async (fault: Fault): Promise<Spoken> => {
    await server.fault(fault);
    return speakWith(engine, { voice });
  };

  it.each([
    [{ kind: "refuse" }, "engine_failed"],
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
  ] satisfies [Fault, string][])(
    "takes %j for %s, keeps its connections and speaks again afterwards",
    async (fault, code) => {
      await expect(under(fault)).rejects.toMatchObject({ code, details: { engine: "e" } });
      const before = server.connections;
      await server.fault(undefined);
      for (let n = 0; n < 3; n++)
        expect(Buffer.compare((await speakWith(engine, { voice })).audio, whole.audio)).toBe(0);
      expect(server.connections - before).toBeLessThanOrEqual(3); // all of them new after a refusal
      expect(server.cancelled).toBeLessThanOrEqual(1); // wrong-format: it is told to stop
    },
  );

  it("says when to ask again after a 429", async () => {
    const asking = under({ kind: "status", status: 429, retryAfterS: 2 });
    const retryAfterMs = server.url.includes("/v1") || engine.version.startsWith("elevenlabs") ? 2000 : 1000;
    await expect(asking).rejects.toMatchObject({ details: { retryAfterMs } });
  });

  it.each([{ kind: "hang" }, { kind: "hang-after", bytes: 9600 }, { kind: "endless" }] satisfies Fault[])(
    "leaves a server that does %j when it is told to, and the server knows",
    async (fault) => {
      await server.fault(fault);
      const gate = new AbortController();
      const reason = new Error("deadline");
      let bytes = 0;
      const speaking = (async () => {
        for await (const { audio } of engine.synthesize(requestOf({ voice }), { signal: gate.signal })) {
          bytes += audio?.byteLength ?? 0;
          if (fault.kind === "endless" && bytes > whole.audio.byteLength * 2) gate.abort(reason);
        }
      })().catch((error: unknown) => error);
      if (fault.kind === "hang") await until(() => server.calls === 2);
      if (fault.kind === "hang-after") await until(() => bytes >= fault.bytes);
      if (fault.kind !== "endless") gate.abort(reason);
      expect(await speaking).toBe(reason);
      await until(() => server.cancelled === 1);
      await server.fault(undefined);
      expect(Buffer.compare((await speakWith(engine, { voice })).audio, whole.audio)).toBe(0);
    },
  );

  it("passes on what only a listener can tell: half, silence, a trickle; and noise where nothing marks audio", async () => {
    const half = await under({ kind: "half", bytes: 9600 });
    expect(half.audio.byteLength).toBe(9600);
    expect(peakOf((await under({ kind: "silence" })).samples)).toBe(0);
    const trickle = await under({ kind: "trickle", chunkBytes: 30_000, everyMs: 1 });
    expect(Buffer.compare(trickle.audio, whole.audio)).toBe(0);
    if (marked) await expect(under({ kind: "noise" })).rejects.toMatchObject({ code: "engine_failed" });
    else expect((await under({ kind: "noise" })).audio.byteLength).toBe(whole.audio.byteLength);
  });

  it("uses few connections for many syntheses, one after the other or at once", async () => {
    for (let n = 0; n < 10; n++) await speakWith(engine, { voice, text: "Hi." });
    expect(server.connections).toBeLessThanOrEqual(2);
    for (let round = 0; round < 6; round++)
      await Promise.all(Array.from({ length: 5 }, () => speakWith(engine, { voice, text: "Hi." })));
    expect(server.connections).toBeLessThanOrEqual(15); // of 41 calls
  });
});
