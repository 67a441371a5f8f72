import { pino } from "pino";
import { composeSpeech } from "../compose.ts";
import { type Config, ConfigError } from "../config/config.ts";
import type { Voice } from "../core/voice.ts";

export type VoicesOptions = { readonly engine?: string; readonly language?: string; readonly json?: boolean };

/** `mynah voices`: a table, or JSON. */
export async function listVoices({ engine, language, json }: VoicesOptions, config: Config): Promise<void> {
  const speech = await composeSpeech(config, pino({ level: "silent" }));
  try {
    const all = await speech.voices.list({ signal: AbortSignal.timeout(15_000) });
    const voices = all.filter(
      (voice) => (!engine || voice.engine === engine) && (!language || speaks(voice, language)),
    );
    if (voices.length === 0) throw new ConfigError(`no voice matches; ${all.length} are known without a filter`);
    process.stdout.write(json ? `${JSON.stringify(voices, undefined, 2)}\n` : table(voices));
  } finally {
    await speech.close();
  }
}

function speaks(voice: Voice, language: string): boolean {
  const asked = language.toLowerCase();
  const has = voice.language.toLowerCase();
  return has === asked || has.startsWith(`${asked}-`);
}

function table(voices: readonly Voice[]): string {
  const rows = [
    ["VOICE", "LANGUAGE", "GENDER", "ENGINE", "NAME"],
    ...voices.map(({ id, language, gender, engine, name }) => [id, language, gender ?? "", engine, name]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
