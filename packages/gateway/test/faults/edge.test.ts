import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { collect } from "../../src/core/async.ts";
import { systemClock } from "../../src/core/clock.ts";
import { createEdgeEngine } from "../../src/engines/edge/edge-engine.ts";
import { requestOf, speakWith } from "../conformance/speech-engine.ts";
import { speechRig, utterance } from "../support/speech-rig.ts";
import { standInEngine } from "../support/stand-in-engine.ts";
import { type EdgeStandIn, edgeStandIn } from "../support/stand-ins/edge.ts";
import type { Fault } from "../support/stand-ins/fault.ts";

const VOICE = "en-US-EmmaMultilingualNeural";
const TEXT = "The morning train was late again, so we walked along the river and talked.";
const { signal } = new AbortController();

type Heard = { readonly engine: string; readonly fromCache: boolean; readonly audio: Uint8Array };

/** All of an answer as PCM, as a caller of the gateway gets it. */
async function heard({ speak }: ReturnType<typeof speechRig>, voice: string): Promise<Heard> {
  const result = await speak(utterance(TEXT, { voice }), { signal, requestId: "test" });
  if (!result.admitted) throw new Error("refused");
  const { engine, fromCache, audio } = result.speech;
  return { engine, fromCache, audio: await collect(audio) };
}

/** Shown before anything is heard: another engine speaks. */
const EARLY: readonly [Fault, string | undefined][] = [
  [{ kind: "refuse" }, "engine_failed"],
  [{ kind: "status", status: 401 }, "engine_failed"],
  [{ kind: "status", status: 403 }, "engine_failed"],
  [{ kind: "status", status: 429, retryAfterS: 7 }, "engine_failed"],
  [{ kind: "status", status: 500 }, "engine_failed"],
  [{ kind: "hang" }, undefined],
  [{ kind: "cut-after", bytes: 0 }, "engine_failed"],
  [{ kind: "half", bytes: 0 }, "engine_no_audio"],
  [{ kind: "wrong-format" }, "engine_failed"],
  [{ kind: "silence" }, undefined],
  [{ kind: "noise" }, undefined],
];

describe("Edge that fails", () => {
  let server: EdgeStandIn;
  beforeEach(async () => {
    server = await edgeStandIn();
  });
  afterEach(() => server.close());
  const edge = () => createEdgeEngine({ name: "edge", baseUrl: server.url, clock: systemClock });

  for (const [fault, code] of EARLY) {
    const title = JSON.stringify(fault);
    if (code !== undefined)
      it(`ends with ${code}: ${title}`, async () => {
        await server.fault(fault);
        const error: unknown = await speakWith(edge(), { voice: VOICE }).catch((thrown: unknown) => thrown);
        const retryAfterMs = fault.kind === "status" && fault.retryAfterS ? fault.retryAfterS * 1000 : undefined;
        expect(error).toMatchObject({ code, details: { engine: "edge", ...(retryAfterMs && { retryAfterMs }) } });
        await server.fault(undefined);
        expect((await speakWith(edge(), { voice: VOICE })).durationMs).toBeGreaterThan(1000);
      });
    it(`is replaced by the next engine, and nothing of it is stored: ${title}`, async () => {
      const engineTimeoutMs = fault.kind === "hang" ? 300 : 5_000;
      const rig = speechRig({ engines: [edge(), standInEngine({ name: "second" })], engineTimeoutMs });
      await rig.voices.list({ signal }); // known before it fails: who cannot list its voices is not asked at all
      await server.fault(fault);
      const { engine, audio } = await heard(rig, "alloy");
      expect([engine, audio.byteLength > 50_000]).toEqual(["second", true]);
      await server.fault(undefined);
      // Back at once, unless it said itself for how long it is not to be asked.
      const back = fault.kind === "status" && fault.retryAfterS !== undefined ? "second" : "edge";
      expect(await heard(rig, VOICE)).toMatchObject({ engine: back, fromCache: false });
      await rig.close();
    });
  }

  it("is not taken for whole when the connection ends before the turn does", async () => {
    await server.fault({ kind: "cut-after", bytes: 2880 });
    let bytes = 0;
    const speaking = async (): Promise<void> => {
      for await (const { audio } of edge().synthesize(requestOf({ voice: VOICE }), { signal }))
        bytes += audio?.byteLength ?? 0;
    };
    await expect(speaking()).rejects.toMatchObject({ code: "engine_failed" });
    expect(bytes).toBe(2880);
  });

  it("is cut when it hangs in the middle, and nothing of it is stored", async () => {
    const rig = speechRig({ engines: [edge()], engineTimeoutMs: 1_000 });
    await heard(rig, "de-DE-KatjaNeural"); // decoders are running now
    await server.fault({ kind: "hang-after", bytes: 2880 });
    await expect(heard(rig, VOICE)).rejects.toMatchObject({ code: "engine_timeout" });
    await expect.poll(() => server.cancelled).toBe(1);
    await server.fault(undefined);
    expect((await heard(rig, VOICE)).fromCache).toBe(false);
    expect((await heard(rig, VOICE)).fromCache).toBe(true);
    await rig.close();
  });

  it("is waited for when it is slow but speaks", async () => {
    await server.fault({ kind: "trickle", chunkBytes: 720, everyMs: 5 });
    expect((await speakWith(edge(), { voice: VOICE })).durationMs).toBeGreaterThan(1400);
  });

  it("that never ends is ended by the bound on a segment", async () => {
    await server.fault({ kind: "endless" });
    const rig = speechRig({ engines: [edge()], maxSegmentBytes: 100_000 });
    await expect(heard(rig, VOICE)).rejects.toMatchObject({ code: "engine_failed" });
    await expect.poll(() => server.cancelled, { timeout: 10_000 }).toBe(1);
    await rig.close();
  });

  it.each([-86_400, -3_600, 3_600])("is heard although its clock is %i s off", async (seconds) => {
    await server.fault({ kind: "clock-skew", seconds });
    const engine = edge();
    expect((await speakWith(engine, { voice: VOICE })).durationMs).toBeGreaterThan(1000);
    await server.fault(undefined); // set right again: learnt anew
    expect((await speakWith(engine, { voice: VOICE })).durationMs).toBeGreaterThan(1000);
    expect(server.refused).toEqual(["Sec-MS-GEC", "Sec-MS-GEC"]);
  });
});
