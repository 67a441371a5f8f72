import type { StatsHistory, StatsTick } from "@mynah/protocol";
import { describe, expect, it } from "vitest";
import { hashKey } from "../../src/identity/api-key.ts";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { manualClock } from "../support/manual-clock.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const key = "mk-stats-stream-0000000000000000";
const clock = manualClock();
const gateway = await runGateway(
  { redisEnabled: false, rateLimitPerMinute: 3, keys: [{ hash: hashKey(key), user: "ann" }] },
  { engines: [standInEngine()], clock },
);
const headers = { authorization: `Bearer ${key}` };
const say = async (input: string) => {
  const response = await postSpeech(gateway, { input, voice: "one" }, { headers });
  await bytesOf(response);
  return response.status;
};
/** Reads to the end, or the client would open another connection that it then says nothing on. */
const statusOf = async (path: string, sent = {}) => {
  const response = await fetch(`${gateway.url}${path}`, { headers: sent });
  await bytesOf(response);
  return response.status;
};

describe("GET /v1/stats/stream and /v1/stats/history", () => {
  it("tell what was said, heard from the cache and refused, second by second, to whoever may know", async () => {
    const stream = await fetch(`${gateway.url}/v1/stats/stream`, { headers });
    expect(stream.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const ticks = readTicks(stream);
    const { value: first } = await ticks.next();
    expect(first!.stats.engines.map(({ name }) => name)).toEqual(["stand-in"]);
    expect(first!.points).toEqual({});

    const stored = new Promise((resolve) => gateway.speech.events.on("store.written", resolve));
    expect(await say("Heard twice.")).toBe(200);
    await stored;
    expect([await say("Heard twice."), await say("Once."), await say("Never.")]).toEqual([200, 200, 429]);
    await clock.advance(1_000);
    const { value: second } = await ticks.next();
    const expected = { delivered: 3, refused: 1, utteranceHits: 1, utteranceMisses: 2, hits: 1, misses: 2 };
    expect(second!.points["5m"]).toMatchObject(expected);
    expect(second!.points["5m"]!.hitP50).toBeTypeOf("number");
    expect(second!.refusals).toEqual({ minute: 1 });
    expect(second!.parts.cache).toMatchObject({ status: "ok" });

    const history = await fetch(`${gateway.url}/v1/stats/history?range=5m`, { headers });
    const { stepS, points } = (await history.json()) as StatsHistory;
    expect([stepS, points.delivered, points.refused]).toEqual([1, [3], [1]]);

    expect(await statusOf("/v1/stats/history?range=1y", headers)).toBe(400);
    expect(await statusOf("/v1/stats/history")).toBe(401);
    expect(await statusOf("/v1/stats/stream")).toBe(401);
    // A server that stops does not wait for those who watch it.
    await gateway.close({ graceMs: 60_000 });
    expect((await ticks.next()).done).toBe(true);
  });
});

async function* readTicks({ body }: Response): AsyncGenerator<StatsTick, void> {
  let text = "";
  for await (const chunk of body!) {
    text += Buffer.from(chunk).toString();
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
      text = text.slice(end + 2);
      if (data !== undefined) yield JSON.parse(data) as StatsTick;
    }
  }
}
