import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SpeechError } from "../../src/core/errors.ts";
import { bytesOf, postSpeech, type RunningGateway, runGateway } from "../support/gateway.ts";
import { type StandInEngine, standInEngine } from "../support/stand-in-engine.ts";

type Value = { readonly stringValue?: string; readonly intValue?: number | string; readonly boolValue?: boolean };
type Span = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Value }[];
  readonly events: readonly { readonly name: string; readonly timeUnixNano: string }[];
  readonly status: { readonly code?: number };
};

const TEXT = "Nobody shall read this in a trace.";
const PARENT = { trace: "0af7651916cd43dd8448eb211c80319c", span: "b7ad6b7169203331" };

/** Takes what is sent as OTLP over HTTP. */
class Collector {
  readonly bodies: string[] = [];
  readonly headers: (string | undefined)[] = [];
  readonly server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      this.bodies.push(Buffer.concat(chunks).toString());
      this.headers.push(request.headers["x-tenant"] as string | undefined);
      response.writeHead(request.url === "/v1/traces" ? 200 : 404, { "content-type": "application/json" }).end("{}");
    });
  });

  async listen(): Promise<string> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get spans(): Span[] {
    return this.bodies.flatMap((body) =>
      (JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] }).resourceSpans.flatMap(
        ({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans),
      ),
    );
  }
}

const attribute = (span: Span, name: string): unknown => {
  const { value } = span.attributes.find(({ key }) => key === name) ?? {};
  return value?.stringValue ?? value?.boolValue ?? (value?.intValue === undefined ? undefined : Number(value.intValue));
};

describe("traces", () => {
  const collector = new Collector();
  let engine: StandInEngine;
  let gateway: RunningGateway;
  let otlpEndpoint: string;
  beforeAll(async () => {
    otlpEndpoint = await collector.listen();
  });
  /** One gateway, until it is closed: only then all of it is told. */
  const open = async (): Promise<void> => {
    collector.bodies.length = 0;
    engine = standInEngine({ firstByteMs: 30 });
    const config = { otlpEndpoint, otlpHeaders: "x-tenant=a%20b", otelServiceName: "voices" };
    gateway = await runGateway(config, { engines: [engine] });
  };
  afterAll(() => collector.server.close());

  const speak = async (input: string, requestId: string, headers: Record<string, string> = {}): Promise<number> => {
    const body = { input, voice: "one", response_format: "mp3" };
    const response = await postSpeech(gateway, body, { headers: { "x-request-id": requestId, ...headers } });
    await bytesOf(response);
    return response.status;
  };
  const rootOf = (requestId: string): Span | undefined =>
    collector.spans.find((span) => attribute(span, "mynah.request_id") === requestId);
  const of = (requestId: string): { root: Span; children: Span[] } => {
    const root = rootOf(requestId)!;
    return { root, children: collector.spans.filter(({ parentSpanId }) => parentSpanId === root.spanId) };
  };

  it("tell of each request what its first audio waited for, within the caller's own trace", async () => {
    await open();
    await speak(TEXT, "missed", { traceparent: `00-${PARENT.trace}-${PARENT.span}-01` });
    while ((await speak(TEXT, "asking", { "cache-control": "only-if-cached" })) !== 200); // until it is stored
    await speak(TEXT, "hit");
    await speak("Nobody shall make this.", "unsampled", { traceparent: `00-${PARENT.trace}-${PARENT.span}-00` });
    engine.script.failWith = new SpeechError("engine_failed", "out of order");
    engine.script.failAfterBytes = 0;
    expect(await speak("This one fails.", "failed")).toBe(503);
    await gateway.close(); // which sends what is left

    const missed = of("missed");
    expect(missed.root).toMatchObject({ name: "speech", kind: 2, traceId: PARENT.trace, parentSpanId: PARENT.span });
    expect(missed.children.map(({ name }) => name)).toEqual(expect.arrayContaining(["cache", "engine", "transcode"]));
    expect(missed.root.events.map(({ name }) => name)).toEqual(["segment", "first audio"]);
    expect(attribute(missed.root, "mynah.outcome")).toBe("miss");
    expect(attribute(missed.root, "mynah.format")).toBe("mp3");
    const lengthMs = ({ startTimeUnixNano: from, endTimeUnixNano: to }: Span) =>
      Number(BigInt(to) - BigInt(from)) / 1e6;
    expect(lengthMs(missed.children.find(({ name }) => name === "engine")!)).toBeGreaterThan(25);
    for (const child of missed.children) {
      expect(child.traceId).toBe(PARENT.trace);
      expect(BigInt(child.startTimeUnixNano)).toBeGreaterThanOrEqual(
        BigInt(missed.root.startTimeUnixNano) - 1_000_000n,
      );
      expect(BigInt(child.endTimeUnixNano)).toBeLessThanOrEqual(BigInt(missed.root.endTimeUnixNano) + 1_000_000n);
    }

    const hit = of("hit");
    expect(hit.root.parentSpanId ?? "").toBe("");
    expect(hit.root.traceId).not.toBe(PARENT.trace);
    expect([attribute(hit.root, "mynah.outcome"), attribute(hit.root, "mynah.from_cache")]).toEqual(["hit", true]);
    expect(hit.children.map(({ name }) => name)).not.toContain("engine");

    const failed = of("failed");
    expect([failed.root.status.code, attribute(failed.root, "error.type")]).toEqual([2, "engines_unavailable"]);
    expect(rootOf("unsampled")).toBeUndefined();

    const syntheses = collector.spans.filter(({ name }) => name === "synthesis");
    expect(syntheses.map((span) => attribute(span, "error.type"))).toEqual([undefined, undefined, "engine_failed"]);
    expect(syntheses.every((span) => attribute(span, "mynah.engine") === engine.name && span.kind === 3)).toBe(true);
  });

  it("hold no text and not who asked, and say who tells", () => {
    const sent = collector.bodies.join();
    expect(sent).toContain('"voices"');
    expect(sent).not.toMatch(/Nobody|anonymous|127\.0\.0\.1/);
    expect(new Set(collector.headers)).toEqual(new Set(["a b"]));
  });

  it("are no condition of speech: a collector that is gone or hangs costs nobody anything", async () => {
    const hanging = createServer(() => {});
    hanging.listen(0, "127.0.0.1");
    await once(hanging, "listening");
    const url = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}`;
    const other = await runGateway({ otlpEndpoint: url }, { engines: [standInEngine()] });
    const response = await postSpeech(other, { input: TEXT, voice: "one" });
    expect([response.status, (await bytesOf(response)).byteLength > 0]).toEqual([200, true]);
    await other.close();
    hanging.closeAllConnections();
    hanging.close();
  });
});
