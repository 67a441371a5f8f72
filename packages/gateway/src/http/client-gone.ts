import type { ServerResponse } from "node:http";
import { SpeechError } from "../core/errors.ts";

const signals = new WeakMap<ServerResponse, AbortSignal>();

/** Aborts when the client closes before its answer was complete. One signal per answer, whoever asks. */
export function abortedWhenClientLeaves(response: ServerResponse): AbortSignal {
  const known = signals.get(response);
  if (known !== undefined) return known;
  const controller = new AbortController();
  signals.set(response, controller.signal);
  response.once("close", () => {
    if (!response.writableFinished) controller.abort(new SpeechError("caller_gone", "the client left"));
  });
  return controller.signal;
}
