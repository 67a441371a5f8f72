import { Writable } from "node:stream";
import { pino } from "pino";
import { expect, it } from "vitest";
import { EventBus, type SpeechEvents } from "../core/events.ts";
import { logEvents } from "./log.ts";
import { openLogger } from "./logger.ts";

const delivered: SpeechEvents["speech.delivered"] = {
  requestId: "one",
  subject: 'a "quoted" \\ name\n',
  engine: "f\u00fcr",
  format: "mp3",
  fromCache: true,
  segments: { hit: 2, miss: 0, coalesced: 1, stale: 0 },
  bytes: 20_448,
  characters: 170,
  firstAudioMs: 0.123,
  latencyMs: 12.34,
};

function collected(): { readonly out: Writable; readonly text: () => string } {
  const chunks: Buffer[] = [];
  const out = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return { out, text: () => Buffer.concat(chunks).toString() };
}

it("writes the line of an answer as the logger itself would", () => {
  const events = new EventBus({
    onListenerError: (error) => {
      throw error;
    },
  });
  const [ours, theirs] = [collected(), collected()];
  const { logger, flush } = openLogger("info", ours.out as NodeJS.WriteStream);
  logEvents(events, logger);
  logEvents(events, pino({ level: "info" }, theirs.out));
  events.emit("speech.delivered", delivered);
  flush();
  const [a, b] = [ours, theirs].map(({ text }) => JSON.parse(text()) as Record<string, unknown>);
  expect({ ...a, time: 0 }).toEqual({ ...b, time: 0 });
  expect(Math.abs(Number(a!.time) - Number(b!.time))).toBeLessThan(10_000);
  expect(ours.text().endsWith("}\n")).toBe(true);
});

it("writes none below the level", () => {
  const events = new EventBus();
  const { out, text } = collected();
  const { logger, flush } = openLogger("warn", out as NodeJS.WriteStream);
  logEvents(events, logger);
  events.emit("speech.delivered", delivered);
  flush();
  expect(text()).toBe("");
});
