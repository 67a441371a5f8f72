import { deferred } from "../core/async.ts";
import type { Clock } from "../core/clock.ts";
import type { Topic, ToWorker } from "./messages.ts";

const WAIT_MS = 1_000;

type Round<Member> = {
  readonly waiting: Set<Member>;
  readonly bodies: unknown[];
  readonly done: () => void;
};

/** Questions to several at once. Whoever leaves, or takes longer than a second, is not waited for. */
export class Rounds<Member> {
  readonly #clock: Clock;
  readonly #send: (member: Member, message: ToWorker) => void;
  readonly #running = new Map<number, Round<Member>>();
  #last = 0;

  constructor(clock: Clock, send: (member: Member, message: ToWorker) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  async ask(members: readonly Member[], topic: Topic): Promise<readonly unknown[]> {
    if (members.length === 0) return [];
    const round = ++this.#last;
    const { promise, resolve } = deferred();
    const running: Round<Member> = { waiting: new Set(members), bodies: [], done: resolve };
    this.#running.set(round, running);
    for (const member of members) this.#send(member, { type: "tell", round, topic });
    const over = new AbortController();
    await Promise.race([promise, this.#clock.sleep(WAIT_MS, over.signal)]);
    over.abort();
    this.#running.delete(round);
    return running.bodies;
  }

  told(member: Member, round: number, body: unknown): void {
    const running = this.#running.get(round);
    if (running === undefined || !running.waiting.delete(member)) return;
    if (body !== undefined) running.bodies.push(body); // one that has only begun has nothing to say
    if (running.waiting.size === 0) running.done();
  }

  left(member: Member): void {
    for (const running of this.#running.values())
      if (running.waiting.delete(member) && running.waiting.size === 0) running.done();
  }
}
