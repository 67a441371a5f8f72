import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { ConfigError } from "../../config/config.ts";

export type Phrases = {
  readonly lines: readonly string[] /** There were more than are kept. */;
  readonly cut: boolean;
};

/** One phrase a line; `.gz` is unpacked, `-` is standard input. Empty lines and those that begin with # are left out. */
export async function readPhrases(file: string, { max }: { readonly max: number }): Promise<Phrases> {
  const raw: Readable = file === "-" ? process.stdin : createReadStream(file);
  const input = file.endsWith(".gz") ? raw.pipe(createGunzip()) : raw;
  const lines: string[] = [];
  let cut = false;
  try {
    const failed = new Promise<never>((_, reject) => {
      raw.once("error", reject);
      input.once("error", reject);
    });
    failed.catch(() => {});
    const reading = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
    for (;;) {
      const { value, done } = await Promise.race([reading.next(), failed]);
      if (done === true) break;
      const line = (value as string).trim();
      if (line === "" || line.startsWith("#")) continue;
      if (lines.length === max) {
        cut = true;
        break;
      }
      lines.push(line);
    }
  } catch (error) {
    throw new ConfigError(`${file} cannot be read: ${(error as Error).message}`);
  } finally {
    raw.destroy();
  }
  if (lines.length === 0) throw new ConfigError(`${file} holds no phrases; write one a line`);
  return { lines, cut };
}

/** Without a file: what a support line says, so that a first run needs nothing. */
export const SAMPLE_PHRASES: readonly string[] = [
  "Hello, and welcome. How can I help you today?",
  "One moment please, I am looking that up for you.",
  "Your order has been shipped and will arrive tomorrow.",
  "I am sorry, I did not understand that. Could you say it again?",
  "Is there anything else that I can do for you?",
  "Thank you for calling. Goodbye.",
  "Your table for two is booked for seven o'clock tonight.",
  "The next train leaves from platform four in ten minutes.",
  ...Array.from({ length: 92 }, (_, at) => `Your reference number is ${1000 + at * 37}. Please write it down.`),
];
