import { pino } from "pino";
import { composeSpeech } from "../compose.ts";
import { type Config, ConfigError } from "../config/config.ts";
import type { Gender, Voice } from "../core/voice.ts";
import type { VoiceCatalogue } from "../speech/voice-catalogue.ts";

export type VoicesOptions = {
  readonly engine?: string;
  readonly language?: string;
  readonly gender?: Gender;
  readonly json?: boolean;
};

/** Here the lists are the business, so slow engines are waited for. */
const WAIT_MS = 15_000;

/** `mynah voices`: a table, or JSON. Its first column is what to say as `--voice`. */
export async function listVoices({ json, ...filter }: VoicesOptions, config: Config): Promise<void> {
  const speech = await composeSpeech(config, pino({ level: "silent" }));
  try {
    const { signal } = new AbortController();
    const voices = await speech.voices.list({ ...filter, signal, waitMs: WAIT_MS });
    if (voices.length === 0) {
      const all = await speech.voices.list({ signal });
      throw new ConfigError(`no voice matches; ${all.length} are known without a filter`);
    }
    const text = json
      ? `${JSON.stringify(named(voices, speech.voices), undefined, 2)}\n`
      : table(voices, speech.voices);
    process.stdout.write(text);
  } finally {
    await speech.close();
  }
}

function named(voices: readonly Voice[], catalogue: VoiceCatalogue): Voice[] {
  return voices.map((voice) => ({ ...voice, id: catalogue.nameOf(voice) }));
}

function table(voices: readonly Voice[], catalogue: VoiceCatalogue): string {
  const rows = [
    ["VOICE", "LANGUAGE", "GENDER", "ENGINE", "NAME", "STYLES"],
    ...named(voices, catalogue).map(({ id, language, gender, engine, name, age, accent, styles = [] }) => {
      const traits = [age, accent, ...styles].filter((trait) => trait !== undefined);
      return [id, language, gender ?? "", engine, name, traits.join(", ")];
    }),
  ];
  const used = rows[0]!.map((_, column) => rows.slice(1).some((row) => row[column] !== ""));
  const shown = rows.map((row) => row.filter((_, column) => used[column]));
  const widths = shown[0]!.map((_, column) => Math.max(...shown.map((row) => row[column]!.length)));
  return shown
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}
