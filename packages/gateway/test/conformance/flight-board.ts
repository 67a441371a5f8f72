import { createHash, randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { CacheKey } from "../../src/core/cache-key.ts";
import type { FlightBoard, FlightLead, FollowedEnd, LiveFlight, LivePiece } from "../../src/core/flight-board.ts";

const { signal } = new AbortController();
const format = { name: "pcm", sampleRateHz: 24_000 } as const;
export const newFlightKey = (): CacheKey => createHash("sha256").update(randomUUID()).digest("hex") as CacheKey;
const every = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const large = Uint8Array.from({ length: 50_001 }, (_, at) => (at * 7) % 251);

export type Followed = { readonly pieces: LivePiece[]; end: FollowedEnd | undefined; readonly over: Promise<void> };

/** Follows from now on, noting everything. */
export function noting(flight: LiveFlight, own: AbortSignal = signal): Followed {
  const noted = { pieces: [] as LivePiece[], end: undefined as FollowedEnd | undefined, over: Promise.resolve() };
  noted.over = (async () => {
    for await (const news of flight.follow({ signal: own })) {
      if ("how" in news) noted.end = news;
      else noted.pieces.push(news);
    }
  })();
  noted.over.catch(() => {});
  return noted;
}
export const audioIn = ({ pieces }: Followed): Buffer => Buffer.concat(pieces.flatMap(({ audio }) => audio ?? []));

export async function leads(board: FlightBoard, key: CacheKey, joinEnded = true): Promise<FlightLead> {
  const seat = await board.board(key, { format, joinEnded, signal });
  if (seat.role !== "leader") throw new Error(`is ${seat.role}`);
  return seat.lead;
}
export async function followsOn(board: FlightBoard, key: CacheKey): Promise<LiveFlight> {
  const seat = await board.board(key, { format, joinEnded: true, signal });
  if (seat.role !== "follower") throw new Error(`is ${seat.role}`);
  return seat.flight;
}

/** What every FlightBoard must do. `create` gives boards of as many servers as asked, sharing one place. */
export function describeFlightBoard(name: string, create: (servers: number) => Promise<readonly FlightBoard[]>) {
  describe(`FlightBoard: ${name}`, () => {
    it("board() seats exactly one leader, however many servers ask at once", async () => {
      const boards = await create(3);
      const key = newFlightKey();
      const asked = Array.from({ length: 30 }, (_, n) =>
        boards[n % 3]!.board(key, { format, joinEnded: true, signal }),
      );
      const roles = (await Promise.all(asked)).map(({ role }) => role);
      expect(roles.filter((role) => role === "leader")).toHaveLength(1);
      expect(roles.filter((role) => role === "follower")).toHaveLength(29);
    });

    it("follow() gives every byte and word once and in order, to early and late followers alike", async () => {
      const [one, two, three] = (await create(3)) as [FlightBoard, FlightBoard, FlightBoard];
      const key = newFlightKey();
      const lead = await leads(one, key);
      const early = noting(await followsOn(two, key));
      const words = [{ from: 2, to: 5, startMs: 10.5, endMs: 20 }];
      lead.publish({ audio: every });
      lead.publish({ audio: large, words });
      await expect.poll(() => audioIn(early).length).toBe(every.length + large.length);
      const late = noting(await followsOn(three, key));
      for (let n = 0; n < 200; n++) lead.publish({ audio: every.subarray(n, n + 1) });
      await lead.end({ how: "done" });
      const after = noting(await followsOn(two, key));
      const whole = Buffer.concat([every, large, every.subarray(0, 200)]);
      for (const follower of [early, late, after]) {
        await follower.over;
        expect(audioIn(follower).equals(whole)).toBe(true);
        expect(follower.pieces.flatMap((piece) => piece.words ?? [])).toEqual(words);
        expect(follower.end).toEqual({ how: "done" });
      }
    });

    it("follow() ends with the leader's failure, and the next to ask leads anew", async () => {
      const [one, two] = (await create(2)) as [FlightBoard, FlightBoard];
      const key = newFlightKey();
      const lead = await leads(one, key);
      const follower = noting(await followsOn(two, key));
      const failure = { how: "failed", code: "engine_timeout", engine: "x", retryAfterMs: 2000 } as const;
      await lead.end(failure);
      await follower.over;
      expect(follower.end).toEqual(failure);
      await (await leads(two, key)).end({ how: "left" });
    });

    it("a flight that is over is not joined by who wants a new one", async () => {
      const [one, two] = (await create(2)) as [FlightBoard, FlightBoard];
      const key = newFlightKey();
      const first = await leads(one, key);
      first.publish({ audio: every });
      await first.end({ how: "done" });
      const second = await leads(two, key, false);
      const follower = noting(await followsOn(one, key));
      second.publish({ audio: large });
      await second.end({ how: "done" });
      await follower.over;
      expect(audioIn(follower).equals(large)).toBe(true);
    });

    it("leaveUnlessFollowed() leaves when nobody follows, and not while somebody does", async () => {
      const [one, two] = (await create(2)) as [FlightBoard, FlightBoard];
      const key = newFlightKey();
      const deserted = await leads(one, key);
      expect(await deserted.leaveUnlessFollowed()).toBe(true);
      const lead = await leads(two, key);
      const gone = new AbortController();
      const follower = noting(await followsOn(one, key), gone.signal);
      lead.publish({ audio: every });
      await expect.poll(() => follower.pieces.length).toBe(1);
      expect(await lead.leaveUnlessFollowed()).toBe(false);
      const reason = new Error("hung up");
      gone.abort(reason);
      await expect(follower.over).rejects.toBe(reason);
      await expect.poll(() => lead.leaveUnlessFollowed(), { timeout: 5_000, interval: 100 }).toBe(true);
      await (await leads(one, key)).end({ how: "left" });
    });

    it("publish() and end() after the end do nothing", async () => {
      const [one, two] = (await create(2)) as [FlightBoard, FlightBoard];
      const key = newFlightKey();
      const lead = await leads(one, key);
      const follower = noting(await followsOn(two, key));
      lead.publish({ audio: every });
      await lead.end({ how: "done" });
      lead.publish({ audio: every });
      await lead.end({ how: "left" });
      await follower.over;
      expect(audioIn(follower).length).toBe(256);
      expect(follower.end).toEqual({ how: "done" });
    });

    it("board() given up rejects with the signal's reason", async () => {
      const [one] = (await create(1)) as [FlightBoard];
      const reason = new Error("left");
      const asked = one.board(newFlightKey(), { format, joinEnded: true, signal: AbortSignal.abort(reason) });
      await expect(asked).rejects.toBe(reason);
    });
  });
}
