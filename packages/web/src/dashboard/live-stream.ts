import { MynahError } from "@mynah/client";
import type { StatsTick } from "@mynah/protocol";
import { ask } from "../shared/api.ts";

export type LiveStreamOptions = {
  readonly key: () => string;
  readonly onTick: (tick: StatsTick) => void;
  /** It runs, or why it does not. After a refusal of the key it does not try again. */
  readonly onState: (state: "live" | "lost" | "refused") => void;
};

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 10_000;

/**
 * Reads `GET /v1/stats/stream` until the signal aborts, again and again. By fetch and not by EventSource, which can send no key.
 */
export async function liveStream(options: LiveStreamOptions, signal: AbortSignal): Promise<void> {
  for (let retryMs = FIRST_RETRY_MS; !signal.aborted; retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)) {
    try {
      const response = await ask("/v1/stats/stream", { key: options.key(), signal });
      for await (const data of eventData(response)) {
        options.onState("live");
        options.onTick(JSON.parse(data) as StatsTick);
        retryMs = FIRST_RETRY_MS;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof MynahError && [401, 403].includes(error.status)) return options.onState("refused");
    }
    if (signal.aborted) return;
    options.onState("lost");
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

/** The data of each server-sent event. Of what is sent, one line each. */
async function* eventData({ body }: Response): AsyncGenerator<string> {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done) return;
    text += value;
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (data !== undefined) yield data;
    }
  }
}
