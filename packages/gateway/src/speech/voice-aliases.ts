import type { VoiceTraits } from "../core/voice.ts";
import { folded } from "./voice-index.ts";

/** What callers say, as it is configured: engine → voice, or what the voice should be like and who it is where that is known. */
export type VoiceAliasConfig =
  | Readonly<Record<string, string>>
  | ({ readonly [Trait in keyof VoiceTraits]?: VoiceTraits[Trait] | undefined } & {
      readonly engines?: Readonly<Record<string, string>> | undefined;
    });
export type VoiceAliases = Readonly<Record<string, VoiceAliasConfig>>;

export type VoiceAlias = {
  readonly name: string;
  readonly traits: VoiceTraits;
  /** Engine name → that engine's voice. */
  readonly voices: ReadonlyMap<string, string>;
};

const TRAITS = ["language", "gender", "age", "accent", "style"] as const satisfies readonly (keyof VoiceTraits)[];

/** The configured names, found as they are written or, where that is clear, in other letters. */
export class AliasBook {
  /** In the order of the configuration. */
  readonly all: readonly VoiceAlias[];
  readonly #exact: ReadonlyMap<string, VoiceAlias>;
  readonly #folded = new Map<string, VoiceAlias | undefined>();

  constructor(aliases: VoiceAliases) {
    this.all = Object.entries(aliases).map(([name, config]) => aliasOf(name, config));
    this.#exact = new Map(this.all.map((alias) => [alias.name, alias]));
    for (const alias of this.all) {
      const key = folded(alias.name);
      this.#folded.set(key, this.#folded.has(key) ? undefined : alias);
    }
  }

  find(name: string): VoiceAlias | undefined {
    return this.#exact.get(name) ?? this.#folded.get(folded(name));
  }
}

function aliasOf(name: string, config: VoiceAliasConfig): VoiceAlias {
  const fields = new Map<string, unknown>(Object.entries(config));
  const engines = fields.get("engines");
  const described = typeof engines === "object" || TRAITS.some((trait) => fields.has(trait));
  const traits = Object.fromEntries(
    TRAITS.flatMap((trait) => (fields.get(trait) === undefined ? [] : [[trait, fields.get(trait)]])),
  );
  const voices = described ? ((engines ?? {}) as Record<string, string>) : (config as Record<string, string>);
  return { name, traits: described ? (traits as VoiceTraits) : {}, voices: new Map(Object.entries(voices)) };
}
