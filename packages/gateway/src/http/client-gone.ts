import type { ServerResponse } from "node:http";
import { SpeechError } from "../core/errors.ts";

/** Aborts when the client closes before its answer was complete. */
export function abortedWhenClientLeaves(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) controller.abort(new SpeechError("caller_gone", "the client left"));
  });
  return controller.signal;
}
