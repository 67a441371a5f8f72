import { type Config, ConfigError } from "./config/config.ts";
import { DEFAULT_CLEANING } from "./core/text/clean/cleaning.ts";
import type { TextRules } from "./core/text/text-rules.ts";
import { compilePronunciations, PronunciationError, type PronunciationRule } from "./wording/pronunciations.ts";

/** What is done to every text, as it is configured. Throws a ConfigError for a pronunciation that cannot be understood. */
export function textRules({ text, pronunciations }: Pick<Config, "text" | "pronunciations">): TextRules {
  const { clean = false, ...changes } = text;
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const rules = { cleaning: { ...DEFAULT_CLEANING, ...given }, cleansByDefault: clean };
  if (pronunciations.length === 0) return rules;
  try {
    return { ...rules, pronounce: compilePronunciations(pronunciations as readonly PronunciationRule[]) };
  } catch (error) {
    throw error instanceof PronunciationError ? new ConfigError(error.message) : error;
  }
}
