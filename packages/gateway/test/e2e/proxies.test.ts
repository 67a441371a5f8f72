import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { programAt, type ReverseProxy, startCaddy, startNginx } from "../support/reverse-proxy.ts";
import { connectSocket } from "../support/socket-client.ts";

const CONFIG = {
  trustedProxies: "127.0.0.1",
  rateLimitPerMinute: 40,
  rateLimitPerHour: 0,
  adminKey: "of-the-administrator",
  metricsKey: "of-metrics",
};
/** Half a second of audio each 60 ms: slow enough to see that nothing waits for the end. */
const ENGINE = { chunkMs: 60, chunkDurationMs: 500, durationMsPerChar: 60 };

describe.each([
  ["nginx", startNginx],
  ["caddy", startCaddy],
] as const)("behind %s, with the configuration of deploy/proxies", (name, start) => {
  const program = programAt(name);
  if (program === undefined) {
    it.skip(`needs ${name}`, () => {});
    return;
  }
  let gateways: readonly [GatewayProcess, GatewayProcess];
  let proxy: ReverseProxy;
  beforeAll(async () => {
    gateways = await Promise.all([startGatewayProcess(CONFIG, ENGINE), startGatewayProcess(CONFIG, ENGINE)]);
    proxy = await start(program, [gateways[0].port, gateways[1].port]);
  });
  afterAll(async () => {
    await proxy?.stop();
    await Promise.all(gateways?.map((gateway) => gateway.stop()) ?? []);
  });
  const speak = (input: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${proxy.url}/v1/audio/speech`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ model: "auto", voice: "one", input, response_format: "pcm" }),
    });

  it("audio is passed on as it is made", async () => {
    const response = await speak("This one takes a while to say, and is heard from its very beginning.");
    expect(response.status).toBe(200);
    let pieces = 0;
    let longestWaitMs = 0;
    let last: number | undefined;
    for await (const _ of response.body!) {
      const now = performance.now();
      if (last !== undefined) longestWaitMs = Math.max(longestWaitMs, now - last);
      last = now;
      pieces++;
    }
    // Held back by a proxy it would come in one go, at the end.
    expect(pieces).toBeGreaterThan(3);
    expect(longestWaitMs).toBeGreaterThan(20);
  });

  it("WebSockets speak", async () => {
    const client = await connectSocket(proxy);
    client.send({ type: "speak", id: "a", text: "Over a socket.", voice: "one", format: "pcm" });
    expect(await client.last("a")).toMatchObject({ type: "done", bytes: client.heard("a").audio.byteLength });
    client.socket.close();
    await client.closed;
  });

  it("callers without a key are told apart by their addresses, whatever they write themselves", async () => {
    await speakFrom("127.0.0.2", "203.0.113.1");
    await speakFrom("127.0.0.2", "203.0.113.2");
    await speakFrom("127.0.0.3", "203.0.113.1");
    const taken = (address: string): Promise<number> => takenOf(gateways, `anonymous@${address}`);
    expect(await taken("127.0.0.2")).toBe(2);
    expect(await taken("127.0.0.3")).toBe(1);
    expect(await taken("203.0.113.1")).toBe(0);
  });

  it("metrics are not shown to the world", async () => {
    const response = await fetch(`${proxy.url}/metrics`, { headers: { authorization: "Bearer of-metrics" } });
    await response.arrayBuffer();
    expect(response.status).toBe(404);
  });

  it("a gateway that is gone is not noticed", async () => {
    await gateways[0].kill();
    // Caddy learns it by the first request that it passes on to the dead one, or by asking how it is, whichever is first.
    for (let asked = 0; name === "caddy" && asked < 20; asked++) {
      const response = await speak("Hello.");
      await response.arrayBuffer();
      if (response.status === 502) break;
    }
    const answers = await Promise.all(
      Array.from({ length: 8 }, async (_, at) => {
        const response = await speak(`Number ${at}.`);
        return [response.status, (await response.arrayBuffer()).byteLength > 0];
      }),
    );
    expect(answers).toEqual(Array.from({ length: 8 }, () => [200, true]));
  });

  /** A request of another machine, as far as addresses go. */
  async function speakFrom(localAddress: string, claimed: string): Promise<void> {
    const headers = { "content-type": "application/json", "x-forwarded-for": claimed };
    const sent = httpRequest(`${proxy.url}/v1/audio/speech`, { method: "POST", localAddress, headers });
    sent.end(JSON.stringify({ model: "auto", voice: "one", input: "Hello.", response_format: "pcm" }));
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    for await (const _ of response);
    expect(response.statusCode).toBe(200);
  }
});

/** Requests that the gateways have counted for a user. */
async function takenOf(gateways: readonly GatewayProcess[], user: string): Promise<number> {
  const each = gateways.map(async ({ url }) => {
    const headers = { authorization: `Bearer ${CONFIG.adminKey}` };
    const response = await fetch(`${url}/admin/limits/${encodeURIComponent(user)}`, { headers });
    const { windows } = (await response.json()) as { windows: { limit: number; remaining: number }[] };
    return windows.reduce((sum, { limit, remaining }) => sum + limit - remaining, 0);
  });
  return (await Promise.all(each)).reduce((sum, one) => sum + one, 0);
}
