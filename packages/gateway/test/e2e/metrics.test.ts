import { describe, expect, it } from "vitest";
import { createGateway } from "../../src/app.ts";
import type { ConfigInput } from "../../src/config/config.ts";
import { hashKey } from "../../src/identity/api-key.ts";
import { METRICS } from "../../src/observe/metric-table.ts";
import { parseExposition } from "../support/exposition.ts";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { connectSocket } from "../support/socket-client.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

async function scrape(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/metrics`, { headers });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  const families = parseExposition(await response.text());
  const all = new Map([...families.values()].flatMap(({ samples }) => [...samples]));
  return {
    families,
    series: all.size,
    of: (key: string) => all.get(key)?.value,
    /** The series of a family that are not zero. */
    told: (name: string) =>
      Object.fromEntries(
        [...families.get(name)!.samples].flatMap(([key, { value }]) =>
          value === 0 ? [] : [[key.slice(name.length), value]],
        ),
      ),
  };
}

describe("GET /metrics", () => {
  it("tells of a hit, a miss, a refusal and errors exactly what happened", async () => {
    const engine = standInEngine({ name: "one" });
    const gateway = await runGateway({ rateLimitPerMinute: 3 }, { engines: [engine] });
    const { url } = gateway;
    const input = "Twenty characters :)"; // 20, and spoken as they are
    const ask = (body: Record<string, unknown> = {}) =>
      postSpeech({ url }, { input, voice: "one", user: "ann", response_format: "pcm", ...body });
    const miss = await bytesOf(await ask());
    const { of: zero } = await scrape(url);
    expect(zero('mynah_requests_total{outcome="hit"}')).toBe(0);
    await expect
      .poll(async () => (await scrape(url)).told("mynah_store_writes_total"))
      .toEqual({ '{engine="one"}': 1 });
    const hit = await bytesOf(await ask());
    expect(hit.equals(miss)).toBe(true);
    expect((await ask({ input: "Refuse to be silent." })).status).toBe(200); // another miss
    expect((await ask()).status).toBe(429);
    engine.script.failAfterBytes = 0;
    expect((await ask({ input: "Nobody can say it.", user: "bob" })).status).toBe(503);
    expect((await ask({ input: "", user: "bob" })).status).toBe(400);
    expect((await fetch(`${url}/nowhere`)).status).toBe(404);

    const { told, of, families } = await scrape(url);
    expect(told("mynah_requests_total")).toEqual({
      '{outcome="miss"}': 2,
      '{outcome="hit"}': 1,
      '{outcome="refused"}': 1,
      '{outcome="failed"}': 1,
    });
    expect(told("mynah_request_failures_total")).toEqual({ '{code="engines_unavailable"}': 1 });
    expect(told("mynah_error_answers_total")).toEqual({
      '{code="rate_limit_exceeded"}': 1,
      '{code="engines_unavailable"}': 1,
      '{code="invalid_request"}': 1,
      '{code="not_found"}': 1,
    });
    expect(told("mynah_refusals_total")).toEqual({ '{window="minute"}': 1 });
    expect(told("mynah_segments_total")).toEqual({
      '{engine="one",outcome="miss"}': 2,
      '{engine="one",outcome="hit"}': 1,
    });
    expect(told("mynah_answers_total")).toEqual({ '{engine="one",format="pcm"}': 3 });
    expect(told("mynah_answer_bytes_total")).toEqual({ '{engine="one",format="pcm"}': 3 * miss.byteLength });
    expect(told("mynah_saved_characters_total")).toEqual({ '{engine="one"}': 20 });
    expect(told("mynah_saved_bytes_total")).toEqual({ '{engine="one"}': miss.byteLength });
    expect(of('mynah_saved_audio_seconds_total{engine="one"}')).toBeCloseTo(miss.byteLength / 48_000, 3);
    expect(told("mynah_syntheses_total")).toEqual({ '{engine="one"}': engine.calls });
    expect(told("mynah_spent_characters_total")).toEqual({ '{engine="one"}': 20 + 20 + 18 });
    expect(told("mynah_engine_failures_total")).toEqual({ '{engine="one",code="engine_failed"}': 1 });
    expect(of('mynah_first_audio_seconds_count{outcome="miss"}')).toBe(2);
    expect(of('mynah_first_audio_seconds_count{outcome="hit"}')).toBe(1);
    expect(of('mynah_engine_first_audio_seconds_count{engine="one"}')).toBe(2);
    expect(of('mynah_synthesis_seconds_count{engine="one"}')).toBe(2);
    expect(of('mynah_synthesized_bytes_total{engine="one"}')).toBe(2 * miss.byteLength);
    expect(of("mynah_cache_memory_entries")).toBe(gateway.speech.stats().memory.entries);
    expect(of("mynah_cache_memory_bytes")).toBeGreaterThanOrEqual(miss.byteLength);
    expect(of('mynah_part_degraded{part="cache"}')).toBe(0);
    expect(of("process_resident_memory_bytes")).toBeGreaterThan(1e7);
    expect(Math.abs(of("process_start_time_seconds")! - (Date.now() / 1000 - process.uptime()))).toBeLessThan(60);

    const table = Object.entries(METRICS) as [string, (typeof METRICS)[keyof typeof METRICS]][];
    expect([...families.keys()].sort()).toEqual(table.map(([name]) => name).sort());
    for (const [name, { type }] of table) expect(families.get(name)!.type).toBe(type);
  });

  it("has gauges that follow what runs", async () => {
    const engine = standInEngine({ name: "one", hang: true });
    const { url } = await runGateway(
      { engines: [{ name: "one", type: "flite", maxConcurrent: 1 }] },
      { engines: [engine] },
    );
    const leaving = new AbortController();
    const { signal } = leaving;
    const asked = ["First", "Second"].map((input) =>
      postSpeech({ url }, { input, voice: "one" }, { signal }).catch(() => {}),
    );
    const socket = await connectSocket({ url });
    await expect
      .poll(async () => {
        const { told } = await scrape(url);
        return ["mynah_engine_running", "mynah_engine_queued", "mynah_sockets"].map((name) =>
          Object.values(told(name)),
        );
      })
      .toEqual([[1], [1], [1]]);
    leaving.abort();
    socket.socket.close();
    await Promise.all(asked);
    await expect
      .poll(async () => {
        const { told } = await scrape(url);
        return ["mynah_engine_running", "mynah_engine_queued", "mynah_sockets", "mynah_flights"].map(told);
      })
      .toEqual([{}, {}, {}, {}]);
    const { told } = await scrape(url);
    expect(told("mynah_request_failures_total")).toEqual({ '{code="caller_gone"}': 2 });
  });

  it("grows by no series, whatever callers call themselves, their voices and their paths", async () => {
    const { url } = await runGateway({ rateLimitPerMinute: 1 }, { engines: [standInEngine()] });
    const round = async (at: number) => {
      const hostile = `x${at}"} 1\nmynah_evil{a="${at}`;
      const ask = (body: object) => postSpeech({ url }, { input: `Say ${at}.`, voice: "one", ...body });
      for (const body of [
        { user: hostile },
        { user: hostile },
        { voice: hostile },
        { model: hostile },
        { [hostile]: 1 },
      ])
        await bytesOf(await ask(body));
      await bytesOf(await ask({ response_format: hostile }));
      await bytesOf(await fetch(`${url}/${encodeURIComponent(hostile)}`));
      await bytesOf(await fetch(`${url}/v1/stats`, { method: "PATCH", headers: { "x-request-id": `id-${at}` } }));
    };
    await round(0);
    const before = await scrape(url);
    for (let at = 1; at <= 20; at++) await round(at);
    const after = await scrape(url);
    expect(after.series).toBe(before.series);
    expect([...after.families.keys()]).toEqual([...before.families.keys()]);
    expect(after.told("mynah_refusals_total")).toEqual({ '{window="minute"}': 21 });
  });

  it("belongs to each gateway alone, and not to one that does not want it", async () => {
    const one = await runGateway({}, { engines: [standInEngine()] });
    const two = await runGateway({}, { engines: [standInEngine()] });
    const none = await runGateway({ metricsEnabled: false }, { engines: [standInEngine()] });
    await bytesOf(await postSpeech(one, { input: "Only one hears this.", voice: "one" }));
    expect((await scrape(one.url)).told("mynah_requests_total")).toEqual({ '{outcome="miss"}': 1 });
    expect((await scrape(two.url)).told("mynah_requests_total")).toEqual({});
    expect((await fetch(`${none.url}/metrics`)).status).toBe(404);
  });
});

describe("who may read metrics", () => {
  const key = (name: string) => `${name}-key-0123456789abcdef`;
  const keys: ConfigInput = { keys: [{ hash: hashKey(key("ann")), user: "ann" }], adminKey: key("root") };
  const get = (url: string, path: string, secret?: string) =>
    fetch(`${url}${path}`, { headers: secret === undefined ? {} : { authorization: `Bearer ${secret}` } });
  const status = async (url: string, secret?: string) => (await get(url, "/metrics", secret)).status;
  const engines = () => ({ engines: [standInEngine()] });

  it("without keys, on loopback: anybody; on the network: nobody without an admin key", async () => {
    expect(await status((await runGateway({}, engines())).url)).toBe(200);
    expect(await status((await runGateway({}, engines())).url, "any key a client sends")).toBe(200);
    const open = await createGateway({ allowAnonymous: true, host: "0.0.0.0", adminKey: key("root") }, engines());
    const { port } = await open.listen({ port: 0 });
    const url = `http://127.0.0.1:${port}`;
    expect(await status(url)).toBe(401);
    expect(await status(url, "wrong")).toBe(403);
    expect(await status(url, key("root"))).toBe(200);
    await open.close();
  });

  it("with keys: an admin key, or METRICS_KEY, which opens nothing else", async () => {
    const { url } = await runGateway({ ...keys, host: "127.0.0.1", metricsKey: key("metrics") }, engines());
    expect(await status(url)).toBe(401);
    expect(await status(url, "wrong")).toBe(401);
    expect(await status(url, key("ann"))).toBe(403);
    expect(await status(url, key("metrics"))).toBe(200);
    expect(await status(url, key("root"))).toBe(200);
    expect((await get(url, "/v1/stats", key("metrics"))).status).toBe(401);
    expect((await get(url, "/admin/keys", key("metrics"))).status).toBe(401);
    const alone = await runGateway({ ...keys, host: "127.0.0.1" }, engines());
    expect(await status(alone.url)).toBe(401);
  });

  it("METRICS_KEY, plain or hashed, is wanted on loopback too, and cannot be guessed at leisure", async () => {
    const { url } = await runGateway({ metricsKey: hashKey(key("metrics")) }, engines());
    expect(await status(url)).toBe(401);
    expect(await status(url, key("metrics"))).toBe(200);
    for (let guess = 0; guess < 20; guess++) expect(await status(url, `guess-${guess}`)).toBe(403);
    expect(await status(url, key("metrics"))).toBe(429);
    expect((await postSpeech({ url }, { input: "Speech is not metrics.", voice: "one" })).status).toBe(200);
  });
});
