import type { StatsBody } from "../../src/http/stats-route.ts";
import { within } from "./deadline.ts";
import type { SoakGateway } from "./gateway-process.ts";
import type { Asked } from "./soak-callers.ts";

const ANSWER_MS = 10_000;

/** Where what a gateway says of itself differs from what its engines and its callers counted. */
export async function wrongBooks(gateway: SoakGateway, asked: readonly Asked[]): Promise<string[]> {
  const stats = JSON.parse(await fetched(gateway, "/v1/stats")) as StatsBody;
  const metrics = await fetched(gateway, "/metrics");
  const state = await gateway.state();
  if (state === undefined) return ["it did not answer"];
  const wrong: string[] = [];
  const compare = (what: string, said: number, counted: number): void => {
    if (said !== counted) wrong.push(`${what}: says ${said}, counted ${counted}`);
  };
  const calls = Object.entries(state.calls);
  compare(
    "syntheses in /v1/stats",
    stats.syntheses.started,
    calls.reduce((sum, [, count]) => sum + count, 0),
  );
  for (const [engine, count] of calls)
    compare(`calls of ${engine} in /metrics`, metric(metrics, `mynah_syntheses_total{engine="${engine}"}`), count);
  if (gateway.lives > 1) return wrong; // its callers asked the ones before it too
  const own = asked.filter(({ port, how, code }) => port === gateway.port && !(how === "failed" && code === "gave_up"));
  const { delivered, failed, refused } = stats.requests;
  compare("requests", delivered + failed + refused, own.length);
  compare("refusals", refused, own.filter(({ how }) => how === "refused").length);
  return wrong;
}

function metric(metrics: string, series: string): number {
  const line = metrics.split("\n").find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? Number.NaN);
}

async function fetched({ port }: SoakGateway, path: string): Promise<string> {
  const options = { headers: { connection: "close" }, signal: AbortSignal.timeout(ANSWER_MS) };
  const answer = fetch(`http://127.0.0.1:${port}${path}`, options).then((response) => response.text());
  return within(ANSWER_MS, `${path} of a gateway`, answer);
}
