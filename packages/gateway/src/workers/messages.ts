/** What a worker is asked of by its siblings. */
export type Topic = "metrics" | "stats";

/** From a worker to its supervisor. */
export type FromWorker =
  | { readonly type: "ready"; readonly port: number }
  | { readonly type: "ask"; readonly id: number; readonly topic: Topic }
  | { readonly type: "told"; readonly round: number; readonly body: unknown };

/** From the supervisor to a worker. */
export type ToWorker =
  | { readonly type: "stop" }
  | { readonly type: "tell"; readonly round: number; readonly topic: Topic }
  | { readonly type: "answers"; readonly id: number; readonly bodies: readonly unknown[] };
