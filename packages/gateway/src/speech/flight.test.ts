import { describe, expect, it } from "vitest";
import { newFlightKey } from "../../test/conformance/flight-board.ts";
import { MemoryFlightBoard } from "../../test/support/memory-flight-board.ts";
import {
  type StandInEngine,
  type StandInOptions,
  standInEngine,
  toneAudio,
} from "../../test/support/stand-in-engine.ts";
import type { CacheKey } from "../core/cache-key.ts";
import { systemClock } from "../core/clock.ts";
import { SpeechError } from "../core/errors.ts";
import { EventBus } from "../core/events.ts";
import type { FlightBoard, FlightEnd, FlightLead, FlightSeat, FollowedEnd, LivePiece } from "../core/flight-board.ts";
import type { SynthesisChunk, SynthesisRequest } from "../core/ports.ts";
import { SharedFlights } from "./flight.ts";

const format = { name: "pcm", sampleRateHz: 24_000 } as const;
const request: SynthesisRequest = {
  text: "Hello over there, Hello!",
  voice: "one",
  speed: 1,
  pitch: 1,
  volume: 1,
  wanted: format,
};
const whole = Buffer.from(toneAudio(request)); // 480 ms
const slow = { chunkMs: 20, chunkDurationMs: 40 }; // 12 chunks

/** One server: its flights and its own engine. */
function server(board: FlightBoard, script: StandInOptions = slow) {
  const engine = standInEngine(script);
  const events = new EventBus();
  const roles: string[] = [];
  events.on("flight.boarded", ({ role }) => roles.push(role));
  return { engine, roles, flights: new SharedFlights({ board, clock: systemClock, events, maxBytes: 1_000_000 }) };
}
type Server = ReturnType<typeof server>;

/** What one server's listeners get, noted as it comes. */
function listen(
  { flights, engine }: { flights: SharedFlights; engine: StandInEngine },
  key: CacheKey,
  joinEnded = true,
) {
  const leave = new AbortController();
  const chunks: SynthesisChunk[] = [];
  const start = (signal: AbortSignal) => engine.synthesize(request, { signal });
  const flight = {
    key,
    format,
    engine: "stand-in",
    text: request.text,
    joinEnded,
    start,
    onSeated: () => {},
    onOutlived: () => {},
  };
  const over = (async () => {
    for await (const chunk of flights.fly(flight, { signal: leave.signal })) chunks.push(chunk);
  })();
  over.catch(() => {});
  return {
    over,
    leave: () => leave.abort(new SpeechError("caller_gone", "left")),
    audio: () => Buffer.concat(chunks.flatMap(({ audio }) => audio ?? [])),
    words: () => chunks.flatMap(({ words }) => words ?? []),
  };
}
const calls = (...servers: Server[]) => servers.reduce((sum, { engine }) => sum + engine.calls, 0);
const heard = (listener: ReturnType<typeof listen>, bytes = 1) =>
  expect.poll(() => listener.audio().length, { interval: 2 }).toBeGreaterThanOrEqual(bytes);

describe("SharedFlights.fly()", () => {
  it("has one engine speak for all servers; each hears all of it", async () => {
    const board = new MemoryFlightBoard();
    const servers = [server(board), server(board), server(board)];
    const key = newFlightKey();
    const listeners = servers.map((one) => listen(one, key));
    await Promise.all(listeners.map(({ over }) => over));
    for (const { audio } of listeners) expect(audio().equals(whole)).toBe(true);
    expect(calls(...servers)).toBe(1);
  });

  it("gives the words by their places, and no text to the board", async () => {
    const board = new MemoryFlightBoard();
    const posted: unknown[] = [];
    const spied: FlightBoard = {
      close: async () => {},
      async board(key, options) {
        const seat = await board.board(key, options);
        if (seat.role !== "leader") return seat;
        const { lead } = seat;
        const publish: typeof lead.publish = (piece) => {
          posted.push(piece.words);
          lead.publish(piece);
        };
        return { role: "leader", lead: { ...lead, publish } };
      },
    };
    const [one, two] = [server(spied, { words: true }), server(spied, { words: true })];
    const key = newFlightKey();
    const listeners = [listen(one, key), listen(two, key)];
    await Promise.all(listeners.map(({ over }) => over));
    expect(listeners[1]!.words()).toEqual(listeners[0]!.words());
    expect(listeners[1]!.words().map(({ text }) => text)).toEqual(["Hello", "over", "there,", "Hello!"]);
    expect(JSON.stringify(posted)).not.toContain("Hello");
  });

  it("goes on where it was when the leader dies: exactly one takes over, everybody hears all of it once", async () => {
    const board = new MemoryFlightBoard();
    const [dying, ...left] = [server(board), server(board), server(board), server(board)];
    const key = newFlightKey();
    const first = listen(dying!, key);
    await heard(first, 5_000);
    const listeners = left.map((one) => listen(one, key));
    await Promise.all(listeners.map((listener) => heard(listener, 5_000)));
    board.killLeader(key);
    await Promise.all([first, ...listeners].map(({ over }) => over));
    for (const { audio } of [first, ...listeners]) expect(audio().equals(whole)).toBe(true);
    expect(calls(...left)).toBe(1);
    expect(left.flatMap(({ roles }) => roles).sort()).toEqual([...Array(5).fill("follower"), "leader"]);
  });

  it("survives leader after leader", async () => {
    const board = new MemoryFlightBoard();
    const servers = Array.from({ length: 4 }, () => server(board));
    const key = newFlightKey();
    const listeners = [];
    for (const one of servers) {
      listeners.push(listen(one, key));
      await heard(listeners.at(-1)!, 2_000);
      board.killLeader(key);
    }
    await Promise.all(listeners.map(({ over }) => over));
    for (const { audio } of listeners) expect(audio().equals(whole)).toBe(true);
  });

  it("cuts an answer that cannot be continued, and starts one over of which nothing was heard", async () => {
    const board = new MemoryFlightBoard();
    const dying = server(board);
    const key = newFlightKey();
    const first = listen(dying, key);
    await heard(first, 5_000);
    const other = server(board); // says the same thing in other bytes
    other.engine.script.format = { name: "pcm", sampleRateHz: 22_050 };
    const cut = listen(other, key);
    await heard(cut, 5_000);
    board.killLeader(key);
    await expect(cut.over).rejects.toMatchObject({ code: "engine_failed" });

    const silent = server(board, { firstByteMs: 60_000 });
    const key2 = newFlightKey();
    listen(silent, key2);
    const fresh = listen(other, key2);
    await expect.poll(() => board.followers(key2)).toBe(1);
    board.killLeader(key2);
    await fresh.over;
    expect(fresh.audio().equals(Buffer.from(toneAudio(request, other.engine.script)))).toBe(true);
    await silent.flights.close();
  });

  it("passes an engine's failure on, so that nobody asks the same engine again", async () => {
    const board = new MemoryFlightBoard();
    const failWith = new SpeechError("engine_timeout", "too late", { engine: "stand-in", retryAfterMs: 700 });
    const [one, two] = [server(board, { firstByteMs: 50, failWith }), server(board)];
    const key = newFlightKey();
    const listeners = [listen(one, key), listen(two, key)];
    for (const { over } of listeners)
      await expect(over).rejects.toMatchObject({
        code: "engine_timeout",
        details: { engine: "stand-in", retryAfterMs: 700 },
      });
    expect(calls(one, two)).toBe(1);
  });

  it("tries itself when the leader's failure was its server's own", async () => {
    const board = new MemoryFlightBoard();
    const failWith = new SpeechError("overloaded", "no room");
    const [one, two] = [server(board, { firstByteMs: 50, failWith }), server(board)];
    const key = newFlightKey();
    const [refused, served] = [listen(one, key), listen(two, key)];
    await expect(refused.over).rejects.toMatchObject({ code: "overloaded" });
    await served.over;
    expect(served.audio().equals(whole)).toBe(true);
  });

  it("goes on alone when the board is gone, and is alone when it never was there", async () => {
    const board = new MemoryFlightBoard();
    const [one, two] = [server(board), server(board)];
    const key = newFlightKey();
    const listeners = [listen(one, key), listen(two, key)];
    await heard(listeners[1]!, 5_000);
    board.takeAway();
    const late = server(board);
    listeners.push(listen(late, key));
    await Promise.all(listeners.map(({ over }) => over));
    for (const { audio } of listeners) expect(audio().equals(whole)).toBe(true);
    expect(two.roles).toEqual(["follower", "alone"]);
    expect(late.roles).toEqual(["alone"]);
  });

  it("ends at the engine when its listeners leave and nobody follows", async () => {
    const board = new MemoryFlightBoard();
    const one = server(board);
    const key = newFlightKey();
    const listener = listen(one, key);
    await heard(listener);
    listener.leave();
    await expect(listener.over).rejects.toMatchObject({ code: "caller_gone" });
    await expect.poll(() => one.engine.aborts.length).toBe(1);
    expect(one.engine.finished).toBe(0);
    const next = server(board);
    await listen(next, key).over;
    expect(next.roles).toEqual(["leader"]);
  });

  it("goes on for followers when its own listeners leave, and ends when they leave too", async () => {
    const board = new MemoryFlightBoard();
    const [one, two] = [server(board), server(board)];
    const key = newFlightKey();
    const [leader, follower] = [listen(one, key), listen(two, key)];
    await heard(follower);
    leader.leave();
    await follower.over;
    expect(follower.audio().equals(whole)).toBe(true);
    expect([one.engine.calls, two.engine.calls]).toEqual([1, 0]);

    const key2 = newFlightKey();
    const long = server(board, { chunkMs: 500, chunkDurationMs: 40 });
    const [leader2, follower2] = [listen(long, key2), listen(two, key2)];
    await heard(follower2);
    leader2.leave();
    follower2.leave();
    await expect.poll(() => long.engine.aborts.length, { timeout: 3_000 }).toBe(1);
  });

  it("an engine that never ends is ended, and fails for everybody", async () => {
    const board = new MemoryFlightBoard();
    const [one, two] = [server(board, { chunkDurationMs: 1_000, durationMsPerChar: 5_000 }), server(board)];
    const key = newFlightKey();
    const listeners = [listen(one, key), listen(two, key)];
    for (const { over } of listeners) await expect(over).rejects.toMatchObject({ code: "engine_failed" });
    expect([one.engine.active, calls(one, two)]).toEqual([0, 1]);
  });

  it("close() hands its flights to those who follow", async () => {
    const board = new MemoryFlightBoard();
    const [one, two] = [server(board), server(board)];
    const key = newFlightKey();
    const [leader, follower] = [listen(one, key), listen(two, key)];
    await heard(follower, 5_000);
    await one.flights.close();
    await expect(leader.over).rejects.toMatchObject({ code: "shutting_down" });
    await follower.over;
    expect(follower.audio().equals(whole)).toBe(true);
    expect([one.engine.active, two.engine.calls]).toEqual([0, 1]);
  });
});

/** A board that seats as the test says, in turn; and notes what it was asked. */
function seating(...seats: readonly (FlightSeat | (FollowedEnd | LivePiece)[])[]) {
  const noted = { asked: 0, outlived: 0, roles: [] as unknown[] };
  const board: FlightBoard = {
    close: async () => {},
    async board() {
      const seat = seats[Math.min(noted.asked++, seats.length - 1)]!;
      if (!Array.isArray(seat)) return seat as FlightSeat;
      const flight = {
        async *follow() {
          yield* seat;
        },
      };
      return { role: "follower", flight };
    },
  };
  const events = new EventBus();
  events.on("flight.boarded", ({ role, takenOver }) => noted.roles.push([role, takenOver]));
  const flights = new SharedFlights({ board, clock: systemClock, events, maxBytes: 4 });
  const fly = async (start: (signal: AbortSignal) => AsyncIterable<SynthesisChunk>, signal = never) => {
    const heard: number[] = [];
    const flight = {
      key: newFlightKey(),
      format,
      engine: "ours",
      text: "a",
      joinEnded: true,
      start,
      onSeated: () => {},
      onOutlived: () => {
        noted.outlived++;
      },
    };
    for await (const { audio } of flights.fly(flight, { signal })) heard.push(...(audio ?? []));
    return heard;
  };
  return { noted, fly };
}
const never = new AbortController().signal;
const saying = (...values: number[]) =>
  async function* (): AsyncGenerator<SynthesisChunk> {
    yield { audio: Uint8Array.from(values) };
  };
const failing = (error: unknown) =>
  // biome-ignore lint/correctness/useYield: it fails before it says anything
  async function* (): AsyncGenerator<SynthesisChunk> {
    throw error;
  };
const piece = (...values: number[]): LivePiece => ({ audio: Uint8Array.from(values) });

describe("SharedFlights.fly(), seat by seat", () => {
  it("follows the next leader after one that is lost or left, and is told so", async () => {
    const { fly, noted } = seating(
      [piece(1), { how: "lost" }],
      [piece(1, 2), { how: "left" }],
      [piece(1, 2, 3), { how: "done" }],
    );
    expect(await fly(saying(9))).toEqual([1, 2, 3]);
    expect(noted.roles).toEqual([
      ["follower", false],
      ["follower", true],
      ["follower", true],
    ]);
  });

  it.each([
    ["says that it is", [piece(1), { how: "unreachable" as const }]],
    ["ends without a word", [piece(1)]],
  ])("asks a board no more that is out of reach: it %s", async (_, news) => {
    const { fly, noted } = seating(news);
    expect(await fly(saying(1, 2))).toEqual([1, 2]);
    expect(noted.asked).toBe(1);
    expect(noted.roles).toEqual([
      ["follower", false],
      ["alone", true],
    ]);
  });

  it("goes alone after sixteen leaders that were lost", async () => {
    const { fly, noted } = seating([{ how: "lost" }]);
    expect(await fly(saying(1))).toEqual([1]);
    expect(noted.asked).toBe(16);
  });

  it("is cut where the next leader ends before what was heard", async () => {
    const { fly } = seating([piece(1, 2, 3), { how: "lost" }], [piece(1, 2), { how: "done" }]);
    await expect(fly(saying(9))).rejects.toMatchObject({ code: "engine_failed", details: { engine: "ours" } });
  });

  it("takes a failure without an engine as that of its own", async () => {
    const { fly } = seating([{ how: "failed", code: "engine_timeout" }]);
    const error = await fly(saying(9)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "engine_timeout", details: { engine: "ours" } });
    expect((error as SpeechError).details).not.toHaveProperty("retryAfterMs");
  });

  it("leads up to the bytes that it may, and no further", async () => {
    const within = seating({ role: "leader", lead: notingLead([]) });
    expect(await within.fly(saying(1, 2, 3, 4))).toEqual([1, 2, 3, 4]);
    expect(within.noted.outlived).toBe(0);
    const beyond = seating({ role: "leader", lead: notingLead([]) });
    await expect(beyond.fly(saying(1, 2, 3, 4, 5))).rejects.toMatchObject({ details: { engine: "ours" } });
  });

  it("tells when another server took over from it", async () => {
    const rig = seating({ role: "leader", lead: { ...notingLead([]), lost: true } });
    expect(await rig.fly(saying(1))).toEqual([1]);
    await expect.poll(() => rig.noted.outlived).toBeGreaterThan(0);
  });

  it.each([
    ["caller_gone", { how: "left" }],
    ["internal", { how: "left" }],
    ["overloaded", { how: "left" }],
    ["shutting_down", { how: "left" }],
    ["engine_failed", { how: "failed", code: "engine_failed" }],
  ] as const)("posts %s of its server or engine as %o", async (code, end) => {
    const ends: FlightEnd[] = [];
    const rig = seating({ role: "leader", lead: notingLead(ends) });
    await expect(rig.fly(failing(new SpeechError(code, "no")))).rejects.toMatchObject({ code });
    expect(ends).toEqual([end]);
  });

  it("posts what nobody expected as its own fault", async () => {
    const ends: FlightEnd[] = [];
    await expect(seating({ role: "leader", lead: notingLead(ends) }).fly(failing(new Error("bug")))).rejects.toThrow(
      "bug",
    );
    expect(ends).toEqual([{ how: "left" }]);
  });

  it("posts which engine it was and when to ask again", async () => {
    const ends: FlightEnd[] = [];
    const error = new SpeechError("engine_failed", "no", { engine: "theirs", retryAfterMs: 0 });
    await expect(seating({ role: "leader", lead: notingLead(ends) }).fly(failing(error))).rejects.toBe(error);
    expect(ends).toEqual([{ how: "failed", code: "engine_failed", engine: "theirs", retryAfterMs: 0 }]);
  });

  it("does not lead for a caller that has left before it was seated", async () => {
    const rig = seating({ role: "leader", lead: notingLead([]) });
    const reason = new SpeechError("caller_gone", "left");
    await expect(rig.fly(saying(1), AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

function notingLead(ends: FlightEnd[]): FlightLead {
  return {
    lost: false,
    publish: () => {},
    end: async (end) => {
      ends.push(end);
    },
    leaveUnlessFollowed: async () => true,
  };
}
