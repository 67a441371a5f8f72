import { afterAll } from "vitest";
import { createGateway, type Gateway, type GatewayOverrides, type Listening } from "../../src/app.ts";
import type { ConfigInput } from "../../src/config/config.ts";

export type RunningGateway = Gateway & Listening;

/** A gateway on a free port without limits, closed when the file's tests are over. */
export async function runGateway(config: ConfigInput = {}, overrides: GatewayOverrides = {}): Promise<RunningGateway> {
  const gateway = await createGateway({ rateLimitPerMinute: 0, rateLimitPerHour: 0, ...config }, overrides);
  const listening = await gateway.listen({ port: 0 });
  let closed: Promise<void> | undefined;
  const close = (options?: { graceMs?: number }) => (closed ??= gateway.close(options));
  afterAll(() => close({ graceMs: 1_000 }));
  return { ...gateway, ...listening, close };
}

/** POST /v1/audio/speech with defaults that any engine understands. */
export function postSpeech(
  { url }: { readonly url: string },
  body: Record<string, unknown> | string,
  { headers, signal }: { readonly headers?: Record<string, string>; readonly signal?: AbortSignal } = {},
): Promise<Response> {
  return fetch(`${url}/v1/audio/speech`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify({ model: "tts-1", voice: "alloy", ...body }),
    ...(signal && { signal }),
  });
}

export async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}
