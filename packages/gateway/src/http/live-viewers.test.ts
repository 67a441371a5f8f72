import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { manualClock } from "../../test/support/manual-clock.ts";
import { LiveViewers, serverSentEvent } from "./live-viewers.ts";

/** What the viewers do with a response, and nothing else of one. */
function response() {
  const closing: (() => void)[] = [];
  const fake = {
    written: [] as string[],
    writableLength: 0,
    state: "open",
    write: (bytes: Buffer | string) => fake.written.push(bytes.toString()) > 0,
    once: (_: "close", listener: () => void) => closing.push(listener),
    end: () => leave("ended"),
    destroy: () => leave("destroyed"),
  };
  const leave = (how: string) => {
    fake.state = how;
    for (const listener of closing) listener();
  };
  return { fake, leave, as: fake as unknown as ServerResponse };
}

const hello = serverSentEvent("tick", { n: 1 });

describe("LiveViewers", () => {
  it("sends the very same bytes to all, and drops only the one that does not read", () => {
    const viewers = new LiveViewers({ clock: manualClock(), maxUnreadBytes: 1_000 });
    const [quick, slow] = [response(), response()];
    for (const { as } of [quick, slow]) viewers.admit(as, hello);
    slow.fake.writableLength = 1_001;
    viewers.send(serverSentEvent("tick", { n: 2 }));
    expect(slow.fake.state).toBe("destroyed");
    expect(quick.fake.written.at(-1)).toBe('event: tick\ndata: {"n":2}\n\n');
    expect(viewers.count).toBe(1);
  });

  it("has room for so many, and again when one has left", () => {
    const viewers = new LiveViewers({ clock: manualClock(), maxViewers: 1 });
    const first = response();
    viewers.checkRoom();
    viewers.admit(first.as, hello);
    expect(() => viewers.checkRoom()).toThrow(expect.objectContaining({ code: "overloaded" }));
    first.leave("left");
    expect(() => viewers.checkRoom()).not.toThrow();
  });

  it("lets nobody watch for ever on a key that may have been revoked, and ends all when it closes", async () => {
    const clock = manualClock();
    const viewers = new LiveViewers({ clock, maxViewMs: 60_000 });
    const [long, fresh] = [response(), response()];
    viewers.admit(long.as, hello);
    await clock.advance(60_001);
    viewers.admit(fresh.as, hello);
    viewers.send(hello);
    expect([long.fake.state, fresh.fake.state]).toEqual(["ended", "open"]);
    viewers.close();
    expect(fresh.fake.state).toBe("ended");
    expect(() => viewers.checkRoom()).toThrow(expect.objectContaining({ code: "shutting_down" }));
  });
});
