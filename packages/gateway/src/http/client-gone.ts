import type { ServerResponse } from "node:http";
import { SpeechError } from "../core/errors.ts";

/** On the response itself: a map beside it, one entry a request, is work for each collection of garbage. */
const GONE = Symbol("client gone");
type Followed = ServerResponse & { [GONE]?: AbortSignal };

/** Aborts when the client closes before its answer was complete. One signal per answer, whoever asks. */
export function abortedWhenClientLeaves(response: Followed): AbortSignal {
  const known = response[GONE];
  if (known !== undefined) return known;
  const controller = new AbortController();
  response[GONE] = controller.signal;
  response.once("close", () => {
    if (!response.writableFinished) controller.abort(new SpeechError("caller_gone", "the client left"));
  });
  return controller.signal;
}
