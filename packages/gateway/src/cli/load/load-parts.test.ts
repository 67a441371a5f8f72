import { describe, expect, it } from "vitest";
import { Histogram } from "./histogram.ts";
import { loadPage } from "./load-page.ts";
import { type LoadContext, loadReport } from "./load-report.ts";
import { poissonArrivals, seededRandom } from "./random.ts";
import { ResponseReader } from "./response-reader.ts";
import { runLoad } from "./run-load.ts";
import { Tally } from "./tally.ts";
import type { Request, Target } from "./target.ts";

describe("Histogram", () => {
  it("tells quantiles of microseconds and of minutes to within 2 %", () => {
    const random = seededRandom(1);
    const values = Array.from({ length: 20_000 }, () => 0.02 * Math.exp(random() * 15));
    const histogram = new Histogram();
    for (const value of values) histogram.add(value);
    values.sort((a, b) => a - b);
    for (const share of [0.01, 0.5, 0.9, 0.99, 0.999]) {
      const exact = values[Math.ceil(share * values.length) - 1]!;
      expect(Math.abs(histogram.quantile(share) / exact - 1)).toBeLessThan(0.02);
    }
    expect(histogram.quantile(1)).toBeLessThanOrEqual(values.at(-1)!);
    expect(histogram.maxMs).toBe(values.at(-1));
    const bars = histogram.bars(4);
    expect(bars.reduce((sum, { count }) => sum + count, 0)).toBe(values.length);
    for (const { fromMs, toMs, count } of bars)
      expect(
        values.filter((value) => Math.round(value * 1000) / 1000 >= fromMs && Math.round(value * 1000) / 1000 < toMs)
          .length,
      ).toBe(count);
  });

  it("holds what is longer than it can tell, and nothing", () => {
    const histogram = new Histogram();
    expect(histogram.quantile(0.5)).toBeNaN();
    for (const ms of [0, 1e9]) histogram.add(ms);
    expect([histogram.quantile(0.5), histogram.count]).toEqual([0.0005, 2]);
  });
});

describe("poissonArrivals", () => {
  const arrivals = (seed: number, rampSeconds: number) => [
    ...poissonArrivals({ rate: 200, seconds: 100, rampSeconds, random: seededRandom(seed) }),
  ];

  it("come at the rate, independently of each other, and the same for the same seed", () => {
    const times = arrivals(7, 0);
    expect(times.length / 100).toBeCloseTo(200, -1);
    const gaps = times.slice(1).map((at, index) => at - times[index]!);
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const spread = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    expect(spread / mean).toBeGreaterThan(0.95);
    expect(spread / mean).toBeLessThan(1.05);
    expect(arrivals(7, 0)).toEqual(times);
    expect(arrivals(8, 0)).not.toEqual(times);
  });

  it("grow evenly over the ramp", () => {
    const times = arrivals(7, 50);
    const within = (from: number, to: number) => times.filter((at) => at >= from * 1000 && at < to * 1000).length;
    expect(within(0, 25) / within(25, 50)).toBeCloseTo(1 / 3, 1);
    expect(within(50, 100) / 50).toBeCloseTo(200, -1);
  });
});

describe("ResponseReader", () => {
  const answers = [
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncache-status: mynah; hit\r\ncontent-length: 5\r\n\r\nhello",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nab\r\nc\r\n1\r\nd\r\n0\r\ntrailer: yes\r\n\r\n",
    "HTTP/1.1 503 Busy\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno",
  ].join("");
  const read = (pieces: readonly string[]) => {
    const heard: string[] = [];
    let body = "";
    const reader = new ResponseReader({
      onHead: (status) => void heard.push(String(status)),
      onBody: (bytes) => {
        body += bytes.toString("latin1");
      },
      onEnd: (reusable) => {
        heard.push(`${body}${reusable ? "" : " closes"}`);
        body = "";
      },
    });
    for (const piece of pieces) reader.read(Buffer.from(piece, "latin1"));
    return heard;
  };

  it("hears the same wherever the answers are cut", () => {
    const expected = ["200", "hello", "204", "", "200", "ab\r\ncd", "503", "no closes"];
    for (let at = 0; at <= answers.length; at++)
      expect(read([answers.slice(0, at), answers.slice(at)])).toEqual(expected);
    expect(read([...answers])).toEqual(expected);
  });

  it("takes what has no length to the end of the connection, and refuses what is no HTTP", () => {
    const ends: boolean[] = [];
    const reader = new ResponseReader({ onHead() {}, onBody() {}, onEnd: (reusable) => void ends.push(reusable) });
    reader.read(Buffer.from("HTTP/1.1 200 OK\r\n\r\nsome"));
    expect([reader.closed(), reader.closed(), ends]).toEqual([true, false, [false]]);
    expect(() => read(["SSH-2.0-OpenSSH_9.2\r\n\r\n"])).toThrow(RangeError);
  });
});

describe("Tally", () => {
  it("stays small however long it runs, and loses nothing", () => {
    const tally = new Tally();
    for (let s = 0; s < 5_000; s++) {
      tally.started(s * 1000, 0);
      const code = s % 5 === 0 ? "rate_limit_exceeded" : `code_${s}`;
      tally.end(
        s * 1000,
        s % 2 === 0 ? { ok: false, code } : { ok: true, hit: s % 3 === 0, firstAudioMs: 1, wholeMs: 2, bytes: 3 },
      );
    }
    expect(tally.stretches.length).toBeLessThanOrEqual(600);
    const sum = (of: "sent" | "hits" | "misses" | "refused" | "errors") =>
      tally.stretches.reduce((total, stretch) => total + stretch[of], 0);
    expect([sum("sent"), sum("hits") + sum("misses"), sum("refused"), sum("errors")]).toEqual([
      5_000, 2_500, 500, 2_000,
    ]);
    expect([tally.refused, tally.failed, tally.errors.size]).toEqual([500, 2_000, 51]);
  });
});

describe("runLoad", () => {
  it("charges a stall to everybody who was to be answered in it, not only to who was waiting", async () => {
    // It answers at once, but for a while in which nobody is answered: a client that waits for its answers would see one slow one.
    const startedAt = performance.now();
    const held: Request[] = [];
    const answer = ({ done }: Request) =>
      done({ ok: true, hit: true, firstAudioAt: performance.now(), endedAt: performance.now(), bytes: 1 });
    const target: Target = {
      waiting: 0,
      send(request) {
        const atMs = request.dueAt - startedAt;
        if (atMs > 100 && atMs < 400) held.push(request);
        else answer(request);
      },
      close() {},
    };
    setTimeout(() => held.splice(0).map(answer), 400);
    const { tally } = await runLoad({
      target,
      phrases: ["a"],
      order: "random",
      users: 1,
      random: seededRandom(1),
      arrivals: Array.from({ length: 100 }, (_, at) => at * 5),
      signal: new AbortController().signal,
      drainMs: 5_000,
    });
    expect(tally.ok).toBe(100);
    expect(tally.firstAudio.quantile(0.75)).toBeGreaterThan(100);
    expect(tally.firstAudio.maxMs).toBeGreaterThan(250);
  });
});

describe("loadPage", () => {
  it("is whole in itself and believes nobody", () => {
    const tally = new Tally();
    tally.started(0, 0);
    tally.end(0, { ok: true, hit: true, firstAudioMs: 3, wholeMs: 4, bytes: 5 });
    tally.end(0, { ok: false, code: "<script>alert(1)</script>" });
    const context: LoadContext = {
      ...{ url: "http://x/<b>", transport: "http" as const, rate: 1, users: 1, seconds: 1, rampSeconds: 0, phrases: 1 },
      ...{ order: "random", seed: 1, voice: '"><i>', format: "mp3", elapsedMs: 1000, interrupted: false },
    };
    const page = loadPage(loadReport(tally, context), tally);
    expect(page).not.toMatch(/<script|<link|<img|<b>|<i>|src=|@import|url\(/);
    expect(page.match(/<svg /g)).toHaveLength(4);
    expect(page).toContain("3.00 ms");
  });
});
