import { afterEach, describe, expect, it } from "vitest";
import { Codecs } from "../../src/audio/codecs.ts";
import { bytesOf, postSpeech, type RunningGateway, runGateway } from "../support/gateway.ts";
import { type OpenAiStandIn, openAiStandIn } from "../support/openai-stand-in.ts";
import { FORMATS } from "../support/speech-rig.ts";
import type { Fault } from "../support/stand-ins/fault.ts";
import { spokenTones } from "../support/stand-ins/spoken-tones.ts";

const servers: OpenAiStandIn[] = [];
const gateways: RunningGateway[] = [];
afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close({ graceMs: 0 })));
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A gateway whose engines are two servers, the first of which has been told what to do wrong. */
async function gatewayOnTwo(fault: Fault | undefined, options: { timeoutMs?: number; chunkMs?: number } = {}) {
  const { timeoutMs = 400, chunkMs } = options;
  const [first, second] = [await openAiStandIn(), await openAiStandIn()];
  servers.push(first, second);
  if (chunkMs !== undefined) first.faults.chunkMs = chunkMs;
  const engine = (name: string, { baseUrl }: OpenAiStandIn) => ({ name, type: "openai-compatible", baseUrl });
  const gateway = await runGateway({
    engines: [
      { ...engine("first", first), timeoutMs, breaker: { openMs: 100, maxOpenMs: 400 } },
      engine("second", second),
    ],
  });
  gateways.push(gateway);
  // The voices are listed once before, as they would be in a gateway that has been running.
  await postSpeech(gateway, { input: "Warm up.", voice: "alloy", response_format: "pcm" }).then(bytesOf);
  await first.fault(fault);
  return { gateway, first, second };
}

const codecs = new Codecs();
const textOf = (n: number): string => `This is the sentence with number ${n}, and it takes a while.`;
const spoken = (text: string) => spokenTones({ text, voice: "alloy", format: FORMATS.pcm }, codecs);

/** One answer as its caller sees it. */
async function ask(gateway: RunningGateway, input: string) {
  const response = await postSpeech(gateway, { input, voice: "alloy", response_format: "pcm" });
  const chunks: Uint8Array[] = [];
  let cut = false;
  try {
    for await (const chunk of response.body!) chunks.push(chunk);
  } catch {
    cut = true;
  }
  return { status: response.status, engine: response.headers.get("mynah-engine"), bytes: Buffer.concat(chunks), cut };
}

const engineState = (gateway: RunningGateway) => gateway.speech.engineStates.of("first").stats;

const BEFORE: Fault[] = [
  { kind: "refuse" },
  { kind: "status", status: 500 },
  { kind: "status", status: 401 },
  { kind: "status", status: 429, retryAfterS: 1 },
  { kind: "hang" },
  { kind: "hang-after", bytes: 0 },
  { kind: "cut-after", bytes: 0 },
  { kind: "silence" },
  { kind: "noise" },
  { kind: "wrong-format" },
];
const nameOf = ({ kind, ...how }: Fault): string => [kind, ...Object.values(how)].join(" ");

describe("an engine that fails before anything is heard", () => {
  it.each(BEFORE.map((fault) => [nameOf(fault), fault] as const))(
    "%s: every caller hears the next one, whole",
    async (_, fault) => {
      const { gateway } = await gatewayOnTwo(fault);
      const before = engineState(gateway).calls;
      for (let n = 0; n < 10; n++) {
        const answer = await ask(gateway, textOf(n));
        expect(answer).toMatchObject({ status: 200, engine: "second", cut: false });
        expect(answer.bytes.equals(await spoken(textOf(n)))).toBe(true);
      }
      expect(engineState(gateway).state).not.toBe("closed");
      expect(engineState(gateway).calls - before).toBeLessThan(9); // three, and probes
      const ready = await fetch(`${gateway.url}/readyz`);
      expect(ready.status).toBe(200);
      expect(await ready.json()).toMatchObject({ status: "degraded", parts: { engines: { status: "degraded" } } });
    },
  );

  it("is used again soon after it has healed, and says itself what the other one said for it", async () => {
    const { gateway, first } = await gatewayOnTwo({ kind: "status", status: 500 });
    for (let n = 0; n < 5; n++) await ask(gateway, textOf(n));
    await first.fault(undefined);
    let n = 5;
    await expect.poll(async () => (await ask(gateway, textOf(n++))).engine, { timeout: 10_000 }).toBe("first");
    expect(await ask(gateway, textOf(1))).toMatchObject({ engine: "first" });
    const stats = await (await fetch(`${gateway.url}/v1/stats`)).json();
    expect(stats.engines).toMatchObject([
      { name: "first", state: "closed", failures: { engine_failed: expect.any(Number) } },
      { name: "second", state: "closed", failures: {}, successRate: 1 },
    ]);
  });
});

const LATER: Fault[] = [
  { kind: "hang-after", bytes: 24_000 },
  { kind: "cut-after", bytes: 24_000 },
  { kind: "half", bytes: 19_200 },
  { kind: "endless" },
];

describe("an engine that fails while it is heard", () => {
  it.each(LATER.map((fault) => [nameOf(fault), fault] as const))(
    "%s: no answer ends cleanly without being whole, nothing broken is stored, the next ones are spoken by the next engine",
    async (_, fault) => {
      const { gateway, first } = await gatewayOnTwo(fault, fault.kind === "endless" ? {} : { chunkMs: 10 });
      let cuts = 0;
      for (let n = 0; n < 6; n++) {
        const { bytes, cut } = await ask(gateway, textOf(n));
        const whole = await spoken(textOf(n));
        if (cut) cuts++;
        else expect(bytes.equals(whole)).toBe(true);
        expect(bytes.subarray(0, whole.byteLength).equals(whole.subarray(0, bytes.byteLength))).toBe(true);
      }
      expect(cuts).toBeLessThanOrEqual(4);
      expect(await ask(gateway, textOf(6))).toMatchObject({ engine: "second", cut: false });
      await first.fault(undefined);
      // A probe that began before goes on as it began; who joined it now would be cut with it.
      await expect.poll(() => engineState(gateway).inFlight, { timeout: 10_000 }).toBe(0);
      for (let n = 0; n < 6; n++) {
        const { bytes, ...rest } = await ask(gateway, textOf(n));
        const whole = await spoken(textOf(n));
        expect({ n, ...rest, bytes: bytes.byteLength, same: bytes.equals(whole) }).toMatchObject({
          ...{ cut: false, same: true, bytes: whole.byteLength },
        });
      }
    },
  );

  it("half a clip is noticed once its usual pace is known", async () => {
    const { gateway, first } = await gatewayOnTwo(undefined);
    for (let n = 0; n < 12; n++) expect(await ask(gateway, textOf(n))).toMatchObject({ engine: "first" });
    await first.fault({ kind: "half", bytes: Math.floor((await spoken(textOf(20))).byteLength / 4) * 2 });
    const { bytes, cut } = await ask(gateway, textOf(20));
    expect(cut || bytes.equals(await spoken(textOf(20)))).toBe(true);
    await first.fault(undefined);
    expect((await ask(gateway, textOf(20))).bytes.equals(await spoken(textOf(20)))).toBe(true);
  });
});
