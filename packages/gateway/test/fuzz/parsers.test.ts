/**
 * Everything that reads bytes from outside, fed with valid input that was damaged. Each parser may refuse, with the errors
 * that it declares and no other; it reads the same however the bytes are cut; it gives no more than its input can hold.
 * `npm run fuzz` does it for minutes.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { isIPv4 } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { createAdtsSplitter } from "../../src/audio/aac-frames.ts";
import type { StreamDecoder } from "../../src/audio/codec.ts";
import { Codecs } from "../../src/audio/codecs.ts";
import { FlacReader } from "../../src/audio/flac-frames.ts";
import { createMp3Splitter } from "../../src/audio/mp3-frames.ts";
import { OggReader } from "../../src/audio/ogg.ts";
import { createTranscoder } from "../../src/audio/transcode.ts";
import { ConfigError } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { collect, only } from "../../src/core/async.ts";
import { SpeechError } from "../../src/core/errors.ts";
import { readBinaryFrame, readTextFrame, textFrame } from "../../src/engines/microsoft/frames.ts";
import { readTurn } from "../../src/engines/microsoft/turn.ts";
import { Base64Field } from "../../src/engines/remote/base64-field.ts";
import { JsonLines } from "../../src/engines/remote/json-lines.ts";
import { ServerEvents } from "../../src/engines/remote/server-events.ts";
import { looksFramed, mp3BitrateBps, sniffFormat } from "../../src/engines/sniff-format.ts";
import { EventStream } from "../../src/engines/wyoming/event-stream.ts";
import { parseRange, resolveRange } from "../../src/http/by-url/byte-range.ts";
import { cachePolicyOf } from "../../src/http/cache-control.ts";
import { clientAddress, trustedProxies } from "../../src/http/client-address.ts";
import { parseStrictJson } from "../../src/http/strict-json.ts";
import { decodeEntry, encodeEntry, peekEntry } from "../../src/stores/entry.ts";
import { readCartesiaMessage } from "../../src/ws/cartesia/messages.ts";
import { readDeepgramMessage } from "../../src/ws/deepgram/messages.ts";
import { readElevenLabsMessage } from "../../src/ws/elevenlabs/messages.ts";
import { readMessage } from "../../src/ws/messages.ts";
import { addressList } from "../../src/wyoming/address-list.ts";
import { EventReader } from "../../src/wyoming/event-reader.ts";
import { encodeEvent } from "../../src/wyoming/events.ts";
import { textOf, voiceOf } from "../../src/wyoming/requests.ts";
import { keyFor, speechOf } from "../conformance/audio-store.ts";
import { speechLike, tone } from "../support/audio-decode.ts";
import { cuts, howLong, mutated, mutatedText, piecesOf } from "./mutations.ts";

const transcoder = createTranscoder();
afterAll(() => transcoder.close());
const { signal } = new AbortController();
const pcm = { name: "pcm", sampleRateHz: 24_000 } as const;
const FORMATS = ["wav", "mp3", "opus", "aac", "flac"] as const;
const sounds = Object.fromEntries(
  await Promise.all(
    FORMATS.map(async (name) => [
      name,
      await Promise.all(
        [speechLike(240), tone(90)].map((audio) =>
          collect(transcoder.transcode(only(audio), pcm, { name, sampleRateHz: 24_000 }, { signal })),
        ),
      ),
    ]),
  ),
) as unknown as Record<(typeof FORMATS)[number], Uint8Array[]>;

/** The outcome of reading: what was read, or that it was refused. Anything but a declared error is thrown on. */
function outcome<T>(read: () => T, declared: (error: unknown) => boolean): { readonly value: T } | "refused" {
  try {
    return { value: read() };
  } catch (error) {
    if (declared(error)) return "refused";
    throw error;
  }
}

/** What modules without a name for their caller throw; a TypeError or RangeError would be a mistake of ours. */
const plain = (error: unknown): boolean => error instanceof Error && error.constructor === Error;
const ofJson = (error: unknown): boolean => plain(error) || error instanceof SyntaxError;
const refusal = (error: unknown): boolean =>
  error instanceof SpeechError && ["invalid_json", "invalid_request", "body_too_large"].includes(error.code);

describe("Readers of audio", () => {
  type Reader = { push(bytes: Uint8Array): readonly unknown[]; finish(): unknown };
  const readers: Record<string, readonly [seeds: readonly Uint8Array[], open: () => Reader]> = {
    OggReader: [sounds.opus, () => new OggReader()],
    FlacReader: [sounds.flac, () => new FlacReader()],
    "the splitter of MP3": [[...sounds.mp3, withTag(sounds.mp3[1]!)], createMp3Splitter],
    "the splitter of ADTS": [sounds.aac, createAdtsSplitter],
  };
  it.each(Object.entries(readers))("%s reads the same however it is cut, or refuses", (_, [seeds, open]) => {
    const read = (bytes: Uint8Array, sizes: readonly number[]) =>
      outcome(() => {
        const reader = open();
        const found: unknown[] = [];
        for (const piece of piecesOf(bytes, sizes)) found.push(...reader.push(piece));
        found.push(...((reader.finish() as unknown[] | undefined) ?? []));
        return found;
      }, plain);
    fc.assert(
      fc.property(mutated(seeds), cuts, (bytes, sizes) => {
        expect(shown(read(bytes, sizes))).toBe(shown(read(bytes, [])));
      }),
      howLong(),
    );
  });

  it.each(["wav", "mp3", "opus", "flac"] as const)(
    "the decoder of %s gives finite samples, or refuses",
    async (name) => {
      const codecs = new Codecs();
      await fc.assert(
        fc.asyncProperty(mutated(sounds[name]), cuts, async (bytes, sizes) => {
          const decoder = await codecs.createDecoder({ name, sampleRateHz: 24_000 }, 24_000);
          try {
            const read = outcome(() => [...decoded(decoder, bytes, sizes)], plain);
            if (read === "refused") return;
            let samples = 0;
            for (const block of read.value) {
              samples += block.length;
              expect(block.every((sample) => Number.isFinite(sample))).toBe(true);
            }
            if (samples > 0) expect(decoder.sampleRateHz).toBeGreaterThan(0);
          } finally {
            decoder.free();
          }
        }),
        howLong(0.3),
      );
    },
  );

  it("what looks at first bytes only looks at them", () => {
    fc.assert(
      fc.property(mutated(Object.values(sounds).flat()), (bytes) => {
        expect(["wav", "mp3", "opus", "aac", "flac", "other", undefined]).toContain(sniffFormat(bytes));
        expect([true, false, undefined]).toContain(looksFramed(bytes));
        const bitrateBps = mp3BitrateBps(bytes);
        if (bitrateBps !== undefined) expect(bitrateBps).toBeGreaterThan(0);
      }),
      howLong(),
    );
  });
});

function* decoded(decoder: StreamDecoder, bytes: Uint8Array, sizes: readonly number[]): Generator<Float32Array> {
  for (const piece of piecesOf(bytes, sizes)) yield* decoder.decode(piece);
  yield* decoder.finish();
}

/** Behind an ID3 tag of 20 bytes. */
function withTag(mp3: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from("ID3\x04\0\0\0\0\0\x14".padEnd(30, "x"), "latin1"), mp3]);
}

/** Comparable, with bytes and big integers in it. */
function shown(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    each instanceof Uint8Array ? Buffer.from(each).toString("base64") : typeof each === "bigint" ? `${each}n` : each,
  );
}

describe("Readers of what engines send", () => {
  const events = ['{"audio":"QUJD","done":false}', '{"error":{"message":"née"}}'];
  const streams: Record<string, readonly [string[], () => (bytes: Uint8Array) => unknown[], finish?: boolean]> = {
    JsonLines: [
      [`${events.join("\n")}\n`, `${events.join("\r\n\n")}\r\n`],
      () => {
        const lines = new JsonLines({ maxLineBytes: 200 });
        return (bytes) => [...lines.push(bytes)];
      },
    ],
    ServerEvents: [
      [events.map((event) => `event: chunk\ndata: ${event}\n\n`).join(""), ": hello\r\ndata: a\r\ndata:b\r\n\r\n"],
      () => {
        const reader = new ServerEvents({ maxEventBytes: 1 << 20 });
        return (bytes) => reader.push(bytes);
      },
    ],
    EventStream: [
      [
        ...['{"type":"audio-chunk","data_length":14,"payload_length":4}\n{"rate": 22050}', '{"type":"audio-stop"}\n'],
        encodeEvent("info", { a: { b: "é" } }, Uint8Array.of(1, 2, 3)).toString("latin1"),
      ],
      () => {
        const stream = new EventStream();
        return (bytes) => [...stream.push(bytes)];
      },
    ],
  };
  it.each(Object.entries(streams))("%s reads the same however it is cut, or refuses", (_, [seeds, open]) => {
    const read = (bytes: Uint8Array, sizes: readonly number[]) =>
      outcome(() => {
        const push = open();
        return [...piecesOf(bytes, sizes)].flatMap((piece) => push(piece));
      }, ofJson);
    fc.assert(
      fc.property(mutated(seeds.map((text) => Buffer.from(text))), cuts, (bytes, sizes) => {
        expect(shown(read(bytes, sizes))).toBe(shown(read(bytes, [])));
      }),
      howLong(),
    );
  });

  it("Base64Field gives no more than came in, and JSON at its end, or refuses", () => {
    const seeds = ['{"a":1,"audio":"QUJDREVGR0g=","words":[1]}', '{ "audio" : "QUI\\/" }'].map((text) =>
      Buffer.from(text),
    );
    fc.assert(
      fc.property(mutated(seeds), cuts, (bytes, sizes) => {
        const read = outcome(() => {
          const field = new Base64Field({ field: "audio", maxRestBytes: 500 });
          let length = 0;
          for (const piece of piecesOf(bytes, sizes)) length += field.push(piece).length;
          return { length, rest: field.finish() };
        }, ofJson);
        if (read !== "refused") expect(read.value.length).toBeLessThanOrEqual(bytes.length);
      }),
      howLong(),
    );
  });

  it("the frames of Microsoft's services and their turns are read, or refused", async () => {
    const word =
      '{"Metadata":[{"Type":"WordBoundary","Data":{"Offset":1000,"Duration":5,"text":{"Text":"a","BoundaryType":"WordBoundary"}}}]}';
    const texts = [textFrame({ Path: "audio.metadata" }, word), textFrame({ Path: "turn.start" }, "{}")];
    const audio = Buffer.from("\0\x25Path:audio\r\nContent-Type:audio/mpeg\r\n-sound-", "latin1");
    const messages = fc.array(fc.oneof(mutatedText(texts), mutated([audio])), { maxLength: 5 });
    async function* sent(some: readonly (string | Uint8Array)[]) {
      yield* some;
      yield textFrame({ Path: "turn.end" }, "{}");
    }
    await fc.assert(
      fc.asyncProperty(messages, async (some) => {
        for (const message of some)
          outcome(() => (typeof message === "string" ? readTextFrame(message) : readBinaryFrame(message)), plain);
        try {
          for await (const { audio: bytes, words = [] } of readTurn(sent(some), { engine: "e" })) {
            if (bytes !== undefined) expect(bytes.length).toBeGreaterThan(0);
            for (const { startMs, endMs } of words) expect(Number.isFinite(startMs) && endMs >= startMs).toBe(true);
          }
        } catch (error) {
          if (!ofJson(error) && !(error instanceof SpeechError && error.code === "engine_no_audio")) throw error;
        }
      }),
      howLong(),
    );
  });
});

describe("Readers of what callers send", () => {
  const speak = '{"type":"speak","id":"a","text":"Hello","voice":"one","speed":1.5,"clean":true,"seed":7}';
  const cartesia =
    '{"model_id":"sonic-3","transcript":"Hi","voice":{"mode":"id","id":"one"},"output_format":{"container":"raw","encoding":"pcm_s16le","sample_rate":24000},"context_id":"c","continue":true}';
  const eleven = '{"text":" ","voice_settings":{"speed":1},"xi-api-key":"k","context_id":"c","flush":true}';
  const messages: Record<string, readonly [string[], (data: Buffer) => unknown]> = {
    parseStrictJson: [[speak, cartesia, "[[[]]]", '"\\ud83d\\ude00"'], (data) => parseStrictJson(data)],
    "readMessage()": [[speak, '{"type":"append","id":"a","text":"b"}', '{"type":"cancel","id":"a"}'], readMessage],
    "readDeepgramMessage()": [['{"type":"Speak","text":"Hi"}', '{"type":"Flush"}'], readDeepgramMessage],
    "readElevenLabsMessage()": [[eleven, '{"text":"","close_context":true}'], readElevenLabsMessage],
    "readCartesiaMessage()": [[cartesia, '{"context_id":"c","cancel":true}'], readCartesiaMessage],
  };
  it.each(Object.entries(messages))("%s reads, or refuses in our words", (_, [seeds, read]) => {
    const deep = fc.nat(40_000).map((depth) => Buffer.from(`{"type":${"[".repeat(depth)}${"]".repeat(depth)}}`));
    const bytes = fc.oneof(
      { weight: 19, arbitrary: mutated(seeds.map((text) => Buffer.from(text))) },
      { weight: 1, arbitrary: deep },
    );
    fc.assert(
      fc.property(bytes, (some) => {
        const found = outcome(() => read(Buffer.from(some)), refusal);
        if (found === "refused" || typeof found.value !== "object" || found.value === null) return;
        if ("error" in found.value && found.value.error instanceof Error) expect(refusal(found.value.error)).toBe(true);
      }),
      howLong(),
    );
  });

  it("events of Wyoming come through whole, and damaged ones are read the same however cut, or refused", () => {
    const bounds = { maxEventBytes: 2_000, maxPayloadBytes: 5_000 };
    const read = (bytes: Uint8Array, sizes: readonly number[]) =>
      outcome(() => {
        const reader = new EventReader(bounds);
        return [...piecesOf(bytes, sizes)].flatMap((piece) => [...reader.read(Buffer.from(piece))]);
      }, refusal);
    const data = fc.dictionary(
      fc.string({ maxLength: 5 }).filter((name) => name !== "__proto__"),
      fc.jsonValue({ maxDepth: 2 }),
      {
        maxKeys: 4,
        noNullPrototype: true,
      },
    );
    fc.assert(
      fc.property(
        fc.string({ maxLength: 20 }),
        data,
        fc.uint8Array({ maxLength: 50 }),
        cuts,
        (type, fields, payload, sizes) => {
          const whole = { value: [{ type, data: fields }] };
          expect(shown(read(encodeEvent(type, fields, payload), sizes))).toBe(shown(whole));
        },
      ),
      howLong(0.5),
    );
    const seeds = [
      encodeEvent("synthesize", { text: "Hi", voice: { name: "one" } }),
      Buffer.from('{"type":"synthesize","data":{"text":"Hi","voice":{"language":"en"}}}\n{"type":"ping"}\n'),
      encodeEvent("audio-chunk", { rate: 16_000 }, new Uint8Array(64)),
    ];
    fc.assert(
      fc.property(mutated(seeds), cuts, (bytes, sizes) => {
        const events = read(bytes, sizes);
        expect(shown(events)).toBe(shown(read(bytes, [])));
        if (events === "refused") return;
        for (const event of events.value) {
          outcome(() => textOf(event), refusal);
          outcome(() => expect(typeof voiceOf(event, "one")).toBe("string"), refusal);
        }
      }),
      howLong(),
    );
  });

  it("a Range header is a part of the body, none of it, or no range", () => {
    const headers = fc.oneof(
      mutatedText(["bytes=0-99", "bytes=-5", "bytes=7-", "bytes=0-0,5-6", "items=1-2"]),
      fc.tuple(fc.nat(), fc.nat()).map(([from, to]) => `bytes=${from}-${to}`),
    );
    fc.assert(
      fc.property(headers, fc.nat(1000), (header, length) => {
        const asked = parseRange(header);
        const range = asked.kind === "whole" ? undefined : resolveRange(asked, length);
        if (range === undefined) return;
        expect(range.from >= 0 && range.from <= range.to && range.to < length).toBe(true);
      }),
      howLong(3),
    );
  });

  it("X-Forwarded-For names who asked only as far as trusted proxies wrote it", () => {
    const addressOf = clientAddress(trustedProxies("10.0.0.0/8"));
    const one = fc.oneof(
      fc.ipV4(),
      fc.constantFrom("10.1.2.3", "10.0.0.1", "", "unknown", "::1", "10.0.0.1:80"),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(one, { maxLength: 6 }), fc.constantFrom("10.9.9.9", "192.0.2.1"), (list, peer) => {
        const header = list.join(", ");
        const request = { headers: { "x-forwarded-for": header }, socket: { remoteAddress: peer } };
        // From the right: the first who is no proxy of ours; a stranger speaks for nobody.
        const written = header.split(",").map((entry) => entry.trim());
        const named = written.filter((entry) => entry !== "");
        const ours = (address: string): boolean => isIPv4(address) && address.startsWith("10.");
        const expected = ours(peer) ? (named.findLast((address) => !ours(address)) ?? named[0] ?? peer) : peer;
        expect(addressOf(request as unknown as IncomingMessage)).toBe(expected);
      }),
      howLong(),
    );
  });

  it("cache-control and lists of addresses are read, or refused", () => {
    fc.assert(
      fc.property(mutatedText(["no-store, max-age=60", "only-if-cached", "no-cache"]), (header) => {
        expect(cachePolicyOf(header)).toBeTypeOf("object");
      }),
      howLong(),
    );
    fc.assert(
      fc.property(mutatedText(["192.168.1.5, 10.0.0.0/8, fd00::/8", "::1"]), fc.string(), (text, address) => {
        const list = outcome(
          () => addressList(text),
          (error) => error instanceof RangeError,
        );
        if (list !== "refused") expect(list.value(address)).toBeTypeOf("boolean");
      }),
      howLong(),
    );
  });
});

describe("Readers of what is stored", () => {
  it("entries are read as they were written, or not at all", async () => {
    const key = keyFor("fuzz");
    const wav = { ...speechOf(300), metadata: { ...speechOf().metadata, format: pcm } };
    const seeds = [
      await encodeEntry(key, speechOf(120), { compressionLevel: 0 }),
      await encodeEntry(key, { ...wav, audio: new Uint8Array(900) }, { compressionLevel: 6 }),
    ];
    await fc.assert(
      fc.asyncProperty(mutated(seeds), async (bytes) => {
        peekEntry(bytes);
        const found = await decodeEntry(key, bytes);
        const same = seeds.some((each) => Buffer.compare(each, bytes) === 0);
        expect("speech" in found).toBe(same);
      }),
      howLong(),
    );
  });

  it("a config file is understood, or refused in one line", () => {
    const folder = mkdtempSync(join(tmpdir(), "mynah-fuzz-"));
    const path = join(folder, "mynah.config.yaml");
    const yaml =
      "engines:\n  - name: a\n    type: flite\n    maxConcurrent: 2\nvoices:\n  alloy: slt\nplans:\n  pro: { requestsPerMinute: 3 }\n" +
      "keys:\n  - { hash: 'sha256:00', user: ann, plan: pro }\npronunciations:\n  - { say: x, for: y }\n";
    try {
      fc.assert(
        fc.property(mutated([Buffer.from(yaml), Buffer.from("a: &a [1]\nb: [*a, *a]\n")]), (bytes) => {
          writeFileSync(path, bytes);
          try {
            loadConfig({ env: { MYNAH_CONFIG: path }, checkEngine: (entry) => entry });
          } catch (error) {
            if (!(error instanceof ConfigError)) throw error;
            expect(error.message).not.toContain("\n");
          }
        }),
        howLong(0.5),
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
