import { request } from "node:http";
import type { Random } from "../../src/cli/load/random.ts";
import { decodeWithFfmpeg, int16 } from "../../test/support/audio-decode.ts";
import { connectSocket } from "../../test/support/socket-client.ts";
import { toneAudio } from "../../test/support/stand-in-engine.ts";
import type { Admission } from "../support/window-judge.ts";

type Ask = {
  readonly text: string;
  readonly voice: string;
  readonly format: (typeof FORMATS)[number];
  readonly user: string;
};
type Manner = "whole" | "leaves" | "slow reader";

const FORMATS = ["pcm", "flac", "mp3", "opus"] as const;
const USERS = 60;
const KNOWN_TEXTS = 40;
const GIVE_UP_MS = 30_000;
/** Lossy codecs add and lose a frame or two at the ends. */
const LOSSY_SLACK_SAMPLES = 24 * 150;

/** Callers of all kinds, and what came of each. */
export class SoakCallers {
  readonly counts = { asked: 0, delivered: 0, refused: 0, failed: 0, left: 0, cut: 0 };
  readonly codes = new Map<string, number>();
  /** Of each user: those whose audio arrived. */
  readonly admissions = new Map<string, Admission[]>();
  readonly #options: { readonly ports: readonly number[]; readonly random: Random };
  readonly #running = new Set<Promise<void>>();
  /** Each different body once, to be listened to at the end. */
  readonly #heard = new Map<string, { readonly ask: Ask; readonly body: Buffer }>();

  constructor(options: { readonly ports: readonly number[]; readonly random: Random }) {
    this.#options = options;
  }

  call(): void {
    const { random, ports } = this.#options;
    const number = random() < 0.5 ? Math.floor(random() * KNOWN_TEXTS) : 1_000 + this.counts.asked;
    const ask: Ask = {
      text: `This is what number ${number} has to say to us today`,
      voice: random() < 0.5 ? "one" : "two",
      format: FORMATS[Math.floor(random() * FORMATS.length)]!,
      user: `user-${Math.floor(random() ** 3 * USERS)}`, // a few ask for more than they may
    };
    const port = ports[Math.floor(random() * ports.length)]!;
    const kind = random();
    const manner: Manner = kind < 0.1 ? "leaves" : kind < 0.2 ? "slow reader" : "whole";
    const fromMs = performance.now();
    this.counts.asked++;
    const one = (random() < 0.3 ? overSocket(port, ask, manner) : overHttp(port, ask, manner))
      .then(
        (body) => {
          const toMs = performance.now();
          if (body === undefined) this.counts.left++;
          else {
            this.counts.delivered++;
            this.admissions.set(ask.user, [...(this.admissions.get(ask.user) ?? []), { fromMs, toMs }]);
            this.#heard.set(`${ask.text} ${ask.voice} ${ask.format} ${body.length}`, { ask, body });
          }
        },
        (error: Error) => {
          const code = error.message;
          this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
          this.counts[code === "rate_limit_exceeded" ? "refused" : code === "cut" ? "cut" : "failed"]++;
        },
      )
      .finally(() => this.#running.delete(one));
    this.#running.add(one);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  addsUp(): boolean {
    const { asked, delivered, refused, failed, left, cut } = this.counts;
    return asked === delivered + refused + failed + left + cut;
  }

  /** What is wrong with what was heard. */
  verify(): string[] {
    return [...this.#heard.values()].flatMap(({ ask, body }) => {
      const problem = problemOf(ask, body);
      return problem === undefined ? [] : [`${ask.format} of "${ask.text}": ${problem}`];
    });
  }
}

function problemOf({ text, voice, format }: Ask, body: Buffer): string | undefined {
  const wanted = { name: "pcm", sampleRateHz: 24_000 } as const;
  const expected = Buffer.from(toneAudio({ text, voice, speed: 1, pitch: 1, volume: 1, wanted }));
  try {
    // A gateway may make what is asked for from a stored MP3 or Opus: then not even PCM has the engine's own samples.
    const samples = format === "pcm" ? int16(body) : decodeWithFfmpeg(body, format);
    if (Buffer.from(samples.buffer).equals(expected)) return undefined;
    const off = Math.abs(samples.length - expected.length / 2);
    if (off > LOSSY_SLACK_SAMPLES) return `${off} samples too many or too few`;
    return samples.some((sample) => Math.abs(sample) > 3_000) ? undefined : "silence";
  } catch (error) {
    return (error as Error).message;
  }
}

/** The whole body; undefined if we left. Rejects with the code of the error, or `cut`. */
function overHttp(port: number, { text, voice, format, user }: Ask, manner: Manner): Promise<Buffer | undefined> {
  const body = JSON.stringify({ model: "auto", input: text, voice, response_format: format, user });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const signal = AbortSignal.timeout(GIVE_UP_MS);
  return new Promise((resolve, reject) => {
    const sent = request(
      { port, host: "127.0.0.1", path: "/v1/audio/speech", method: "POST", headers, agent: false, signal },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => {
          chunks.push(chunk);
          if (manner === "leaves" && response.statusCode === 200) {
            resolve(undefined);
            sent.destroy();
          } else if (manner === "slow reader") {
            response.pause();
            setTimeout(() => response.resume(), 200);
          }
        });
        response.on("error", () => reject(new Error("cut")));
        response.on("end", () => {
          const whole = Buffer.concat(chunks);
          if (response.statusCode === 200) resolve(whole);
          else reject(new Error(/"code": *"(\w+)"/.exec(whole.toString())?.[1] ?? `http_${response.statusCode}`));
        });
      },
    );
    sent.on("error", (error: NodeJS.ErrnoException) => reject(new Error(error.code ?? error.message)));
    sent.end(body);
  });
}

async function overSocket(port: number, ask: Ask, manner: Manner): Promise<Buffer | undefined> {
  const opened = connectSocket({ url: `http://127.0.0.1:${port}` });
  const late = AbortSignal.timeout(GIVE_UP_MS);
  const tooLate = new Promise<never>((_, reject) => {
    late.addEventListener("abort", () => {
      reject(new Error("gave up"));
      opened.then(({ socket }) => socket.terminate()).catch(() => {});
    });
  });
  tooLate.catch(() => {});
  const client = await Promise.race([opened, tooLate]).catch(() => {
    throw new Error("no socket");
  });
  try {
    client.send({ type: "speak", id: "a", ...ask });
    if (manner === "leaves") {
      await Promise.race([client.message("started"), client.last("a"), tooLate]).catch(() => {});
      return undefined;
    }
    const last = await Promise.race([client.last("a"), tooLate]).catch(() => {
      throw new Error("cut");
    });
    if (last.type === "error") throw new Error(last.code);
    return client.heard("a").audio;
  } finally {
    client.socket.terminate();
  }
}
