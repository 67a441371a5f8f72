import { createHash } from "node:crypto";
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import type { SherpaConfig } from "./neural-protocol.ts";

export const MODEL_TYPES = ["piper", "vits", "kokoro", "matcha", "kitten"] as const;
export type ModelType = (typeof MODEL_TYPES)[number];

export type ModelFolderOptions = {
  /** As k2-fsa's archives unpack: a model, its tokens, and what it needs to pronounce. */
  readonly model: string;
  /** Default: by the files in the folder. */
  readonly modelType?: ModelType;
  /** Which .onnx, where there are several. */
  readonly modelFile?: string;
  /** Matcha's second half, from samples of its spectrum to sound. Default: the one in the folder. */
  readonly vocoder?: string;
  readonly threads: number;
};

export type ModelFolder = {
  readonly type: ModelType;
  readonly config: SherpaConfig;
  /** Changes when the files do. */
  readonly fingerprint: string;
};

/** What is missing in a folder, in one line that says what to do. */
export class ModelFolderError extends Error {
  override readonly name = "ModelFolderError";
}

const VOCODER = /^(vocos|hifigan|vocoder)/i;
const FINGERPRINT_BYTES = 1024 * 1024;
const SOURCE = "models that fit are listed in docs/engines/neural.md";

/**
 * Finds a model's parts. Checks before sherpa-onnx sees them what would make it end its process, or never answer. Throws a
 * ModelFolderError.
 */
export function readModelFolder(options: ModelFolderOptions): ModelFolder {
  const { model: folder, threads } = options;
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new ModelFolderError(`model: there is no folder ${folder}; ${SOURCE}`);
  const names = readdirSync(folder);
  const file = (name: string): string => join(folder, name);
  const has = (name: string): boolean => names.includes(name);
  const model = file(modelFile(names, options));
  if (!has("tokens.txt")) throw missing(folder, "tokens.txt");
  const tokens = file("tokens.txt");
  const dataDir = has("espeak-ng-data") ? file("espeak-ng-data") : "";
  const lexicon = names
    .filter((name) => /^lexicon.*\.txt$/.test(name))
    .sort()
    .map(file)
    .join(",");
  const type = options.modelType ?? typeOf(folder, names);
  const voices = file("voices.bin");
  if ((type === "kokoro" || type === "kitten") && !has("voices.bin")) throw missing(folder, "voices.bin");
  if (type !== "vits" && dataDir === "" && lexicon === "") throw missing(folder, "espeak-ng-data");
  checkTokens(folder, type, readFileSync(tokens, "utf8"));
  const parts: Readonly<Record<ModelType, Partial<SherpaConfig["model"]>>> = {
    piper: { vits: { model, tokens, dataDir, lexicon: dataDir === "" ? lexicon : "" } },
    vits: { vits: { model, tokens, lexicon, dataDir } },
    kokoro: { kokoro: { model, voices, tokens, dataDir, lexicon } },
    kitten: { kitten: { model, voices, tokens, dataDir } },
    matcha: {
      matcha: { acousticModel: model, vocoder: vocoderIn(folder, names, options, type), tokens, lexicon, dataDir },
    },
  };
  const config: SherpaConfig = {
    model: { ...parts[type], numThreads: threads, provider: "cpu", debug: 0 },
    maxNumSentences: 1,
  };
  return { type, config, fingerprint: fingerprintOf([model, tokens, ...(has("voices.bin") ? [voices] : [])]) };
}

function modelFile(names: readonly string[], { model: folder, modelFile: wanted }: ModelFolderOptions): string {
  const models = names.filter((name) => name.endsWith(".onnx") && !VOCODER.test(name));
  if (wanted !== undefined) {
    if (names.includes(wanted)) return wanted;
    throw new ModelFolderError(
      `modelFile: ${folder} has no ${wanted}; it has ${models.join(", ") || "no .onnx at all"}`,
    );
  }
  const [only] = models;
  if (models.length === 1 && only !== undefined) return only;
  if (models.includes("model.onnx")) return "model.onnx";
  if (models.length === 0) throw missing(folder, "a model (.onnx)");
  throw new ModelFolderError(`model: ${folder} has several models; say which with modelFile: ${models.join(", ")}`);
}

function typeOf(folder: string, names: readonly string[]): ModelType {
  const hint = [basename(folder), ...names].join(" ").toLowerCase();
  if (names.includes("voices.bin")) return hint.includes("kitten") ? "kitten" : "kokoro";
  if (hint.includes("matcha") || names.some((name) => VOCODER.test(name))) return "matcha";
  return names.includes("espeak-ng-data") ? "piper" : "vits";
}

function vocoderIn(folder: string, names: readonly string[], { vocoder }: ModelFolderOptions, type: ModelType): string {
  if (type !== "matcha") return "";
  if (vocoder !== undefined) {
    if (existsSync(vocoder)) return vocoder;
    throw new ModelFolderError(`vocoder: there is no file ${vocoder}`);
  }
  const found = names.find((name) => VOCODER.test(name) && name.endsWith(".onnx"));
  if (found !== undefined) return join(folder, found);
  throw new ModelFolderError(
    `vocoder: Matcha needs one (vocos-22khz-univ.onnx); put it into ${folder}, or name it; ${SOURCE}`,
  );
}

/** Without them sherpa-onnx aborts, or waits for ever. */
function checkTokens(folder: string, type: ModelType, text: string): void {
  const tokens = new Set(text.split("\n").map((line) => line.split(/[ \t]/, 1)[0]));
  if (tokens.size < 2) throw new ModelFolderError(`model: tokens.txt in ${folder} is empty; unpack the archive anew`);
  const wanted = type === "piper" ? ["_", "^", "$"] : [];
  const lacking = wanted.filter((token) => !tokens.has(token));
  if (lacking.length > 0)
    throw new ModelFolderError(
      `model: tokens.txt in ${folder} lacks ${lacking.join(" ")}, so this is not a Piper model as sherpa-onnx wants it; ${SOURCE}`,
    );
}

function missing(folder: string, what: string): ModelFolderError {
  return new ModelFolderError(`model: ${folder} lacks ${what}; unpack the whole archive; ${SOURCE}`);
}

/** Sizes, beginnings and ends: models are hundreds of megabytes. */
function fingerprintOf(files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const path of files) {
    const file = openSync(path, "r");
    try {
      const { size } = fstatSync(file);
      const part = Buffer.alloc(Math.min(size, FINGERPRINT_BYTES));
      hash.update(String(size));
      for (const from of [0, size - part.length])
        hash.update(part.subarray(0, readSync(file, part, 0, part.length, from)));
    } finally {
      closeSync(file);
    }
  }
  return hash.digest("hex").slice(0, 16);
}
