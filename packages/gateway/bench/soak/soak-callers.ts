import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../src/cli/load/random.ts";
import { type Answer, type Ask, ask, type Manner, SOAK_FORMATS } from "./ask.ts";
import { now } from "./now.ts";
import { AudioJudge } from "./right-audio.ts";
import type { Span } from "./timeline.ts";

/** One question and what came of it; the audio itself is listened to at once and not kept. */
export type Asked = Span & {
  readonly number: number;
  readonly port: number;
  readonly user: string;
  readonly segment: string;
  readonly format: Ask["format"];
  readonly overSocket: boolean;
  readonly how: Answer["how"];
  readonly code: string;
  readonly admitted: boolean;
};
type Counts = { asked: number } & Record<Answer["how"], number>;

const USERS = 60;
/** Texts that several callers want; they change slowly, so that there is always something new among them. */
const KNOWN_TEXTS = 40;
const ASKS_PER_NEW_KNOWN = 10;
/** A text that nobody has asked for before is wanted by up to so many at once, to be shared. */
const MAX_TOGETHER = 4;
/** While the other gateway is still making it. */
const FOLLOW_AFTER_MS = 80;
const WORDS =
  "amber bridge cactus dragon engine forest garden hammer island jungle kettle ladder marble needle orange pepper quartz ribbon saddle temple umbrella velvet walnut yellow zipper basket candle dinner elbow fiddle guitar helmet".split(
    " ",
  );

/** Callers of all kinds, and what came of each. */
export class SoakCallers {
  readonly counts: Counts = { asked: 0, delivered: 0, refused: 0, failed: 0, cut: 0, left: 0 };
  readonly asked: Asked[] = [];
  /** What was wrong with what was heard. */
  readonly wrong: string[] = [];
  readonly ports: readonly number[];
  readonly #random: Random;
  readonly #judge = new AudioJudge();
  readonly #running = new Set<Promise<void>>();
  /** Segments that somebody wanted in a lossy format, so that others may be made of that copy. */
  readonly #lossy = new Set<string>();
  #texts = 0;

  constructor({ ports, random }: { readonly ports: readonly number[]; readonly random: Random }) {
    this.ports = ports;
    this.#random = random;
  }

  get running(): number {
    return this.#running.size;
  }

  /** One text, asked for by one caller, or by several in the same moment. */
  call(): void {
    const random = this.#random;
    const isKnown = random() < 0.5;
    const known = Math.floor(this.#texts++ / ASKS_PER_NEW_KNOWN) + Math.floor(random() * KNOWN_TEXTS);
    const text = textOf(isKnown ? known : -this.#texts);
    const voice = random() < 0.5 ? "one" : "two";
    const together = isKnown ? 1 : 1 + Math.floor(random() * MAX_TOGETHER);
    for (let n = 0; n < together; n++) {
      const kind = random();
      const manner: Manner = kind < 0.1 ? "leaves" : kind < 0.2 ? "slow reader" : "whole";
      this.one(Math.floor(random() * this.ports.length), {
        ...{ text, voice, manner },
        format: SOAK_FORMATS[Math.floor(random() * SOAK_FORMATS.length)]!,
        user: `user-${Math.floor(random() ** 3 * USERS)}`, // a few ask for more than they may
        overSocket: random() < 0.3,
      });
    }
  }

  /** Every kind of connection and codec once, each gateway following the other too, so that what stays open is open. */
  async warmUp(): Promise<void> {
    for (const first of this.ports.keys())
      for (const format of SOAK_FORMATS)
        for (const overSocket of [false, true]) {
          const text = textOf(-++this.#texts);
          const question: Ask = {
            text,
            voice: "one",
            format,
            overSocket,
            user: `warm-${this.#texts}`,
            manner: "whole",
          };
          this.one(first, question);
          await sleep(FOLLOW_AFTER_MS);
          for (const other of this.ports.keys()) if (other !== first) this.one(other, question);
          await this.settled();
        }
  }

  /** Somebody of no consequence for any limit asks for something new. */
  fresh(gateway: number): void {
    const text = textOf(-++this.#texts);
    const user = `guest-${this.#texts}`;
    this.one(gateway, { text, user, voice: "one", format: "pcm", overSocket: false, manner: "whole" });
  }

  one(gateway: number, question: Ask): void {
    const port = this.ports[gateway]!;
    const { text, voice, format, user, overSocket } = question;
    const segment = `${voice} ${text}`;
    if (format === "mp3" || format === "opus") this.#lossy.add(segment);
    const number = ++this.counts.asked;
    const fromMs = now();
    const over = ask(port, question).then(async (answer) => {
      const toMs = now();
      const { how, admitted } = answer;
      const code = "code" in answer ? answer.code : "";
      this.counts[how]++;
      this.asked.push({ ...{ number, port, user, segment, format, overSocket, how, code, admitted }, fromMs, toMs });
      if (answer.how !== "delivered") return;
      const problem = await this.#judge.problemOf(answer.body, question, this.#lossy.has(segment));
      if (problem !== undefined) this.wrong.push(`#${number} ${format} of "${segment}": ${problem}`);
    });
    this.#running.add(over);
    void over.finally(() => this.#running.delete(over));
  }

  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  addsUp(): boolean {
    const { asked, ...ended } = this.counts;
    return asked === Object.values(ended).reduce((sum, count) => sum + count, 0);
  }

  async close(): Promise<void> {
    await this.#judge.close();
  }
}

/** A sentence that sounds like no other. */
function textOf(number: number): string {
  let state = Math.imul(number, 0x9e3779b1) >>> 0;
  const words = Array.from({ length: 7 }, () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x297a2d39;
    state ^= state >>> 12;
    return WORDS[(state >>> 0) % WORDS.length]!;
  });
  return `Number ${Math.abs(number)}: ${words.join(" ")}`;
}
