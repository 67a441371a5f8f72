import { deferred } from "../../src/core/async.ts";
import type { CacheKey } from "../../src/core/cache-key.ts";
import type {
  BoardOptions,
  FlightBoard,
  FlightEnd,
  FlightLead,
  FlightSeat,
  FollowedEnd,
  LivePiece,
} from "../../src/core/flight-board.ts";

type Posted = {
  readonly pieces: LivePiece[];
  readonly token: number;
  end: FollowedEnd | undefined;
  followers: number;
  wake: ReturnType<typeof deferred<void>>;
};

/** A board for the servers of one process, whose leaders can be made to die and which can be taken away. */
export class MemoryFlightBoard implements FlightBoard {
  readonly #flights = new Map<CacheKey, Posted>();
  #tokens = 0;
  /** No board to be had: everybody is alone, who follows is cut off. */
  #gone = false;

  /** The leader of this flight is heard of no more. What it publishes from now on reaches nobody. */
  killLeader(key: CacheKey): void {
    const posted = this.#flights.get(key);
    this.#flights.delete(key);
    if (posted !== undefined) this.#endWith(posted, { how: "lost" });
  }
  takeAway(): void {
    this.#gone = true;
    for (const posted of this.#flights.values()) this.#endWith(posted, { how: "unreachable" });
    this.#flights.clear();
  }
  followers(key: CacheKey): number {
    return this.#flights.get(key)?.followers ?? 0;
  }

  async board(key: CacheKey, { joinEnded, signal }: BoardOptions): Promise<FlightSeat> {
    signal.throwIfAborted();
    if (this.#gone) return { role: "alone" };
    const posted = this.#flights.get(key);
    if (posted !== undefined && (posted.end === undefined || (joinEnded && posted.end.how === "done"))) {
      posted.followers++;
      return { role: "follower", flight: { follow: ({ signal: own }) => this.#follow(posted, own) } };
    }
    const mine: Posted = { pieces: [], token: ++this.#tokens, end: undefined, followers: 0, wake: deferred() };
    this.#flights.set(key, mine);
    return { role: "leader", lead: this.#lead(mine) };
  }

  async close(): Promise<void> {}

  #lead(mine: Posted): FlightLead {
    const end = (how: FlightEnd): void => {
      if (mine.end === undefined) this.#endWith(mine, how);
    };
    return {
      get lost() {
        return mine.end?.how === "lost";
      },
      publish: (piece) => {
        if (mine.end !== undefined) return;
        mine.pieces.push(piece);
        this.#notify(mine);
      },
      end: async (how) => end(how),
      leaveUnlessFollowed: async () => {
        if (mine.followers > 0 && mine.end === undefined) return false;
        end({ how: "left" });
        return true;
      },
    };
  }

  async *#follow(posted: Posted, signal: AbortSignal): AsyncGenerator<LivePiece | FollowedEnd> {
    const stop = (): void => posted.wake.resolve();
    signal.addEventListener("abort", stop);
    try {
      for (let next = 0; ; await posted.wake.promise) {
        signal.throwIfAborted();
        while (next < posted.pieces.length) yield posted.pieces[next++]!;
        if (posted.end !== undefined) return yield posted.end;
      }
    } finally {
      signal.removeEventListener("abort", stop);
      posted.followers--;
    }
  }

  #endWith(posted: Posted, end: FollowedEnd): void {
    posted.end = end;
    this.#notify(posted);
  }
  #notify(posted: Posted): void {
    posted.wake.resolve();
    posted.wake = deferred();
  }
}
