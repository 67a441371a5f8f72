/** A gateway in this process whose engines are servers on this machine. */
import { createGateway } from "../../src/app.ts";
import type { EngineConfig } from "../../src/config/config.ts";

export type BenchAnswer = {
  readonly status: number;
  readonly engine: string | null;
  readonly firstByteMs: number;
  /** The connection broke before the answer was over. */
  readonly cut: boolean;
  readonly bytes: Buffer;
};

export async function engineGateway(engines: readonly EngineConfig[]) {
  const gateway = await createGateway({ rateLimitPerMinute: 0, rateLimitPerHour: 0, logLevel: "silent", engines });
  const { url } = await gateway.listen({ port: 0 });
  return {
    speech: gateway.speech,
    close: () => gateway.close({ graceMs: 0 }),
    async ask(input: string): Promise<BenchAnswer> {
      const startedAt = performance.now();
      const response = await fetch(`${url}/v1/audio/speech`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: "auto", voice: "alloy", input, response_format: "pcm" }),
      });
      const chunks: Uint8Array[] = [];
      let firstByteMs = Number.NaN;
      let cut = false;
      try {
        for await (const chunk of response.body!) {
          if (chunks.length === 0) firstByteMs = performance.now() - startedAt;
          chunks.push(chunk);
        }
      } catch {
        cut = true;
      }
      const engine = response.headers.get("mynah-engine");
      return { status: response.status, engine, firstByteMs, cut, bytes: Buffer.concat(chunks) };
    },
  };
}

/** One line that is written over, on a terminal; every so often a line of its own elsewhere. */
export function progress(label: string, done: number, of: number): void {
  const line = `${label}: ${done} of ${of}`;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}${done === of ? "\n" : ""}`);
  else if (done === of) process.stderr.write(`${line}\n`);
}
