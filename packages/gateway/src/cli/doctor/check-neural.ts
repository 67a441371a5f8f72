import { basename, dirname } from "node:path";
import type { Config } from "../../config/config.ts";
import { ModelFolderError, readModelFolder } from "../../engines/neural/model-folder.ts";
import { neuralSchema } from "../../engines/neural/neural-schema.ts";
import { type Check, fail, off } from "./check.ts";

const MODELS = "https://github.com/k2-fsa/sherpa-onnx/releases/tag/tts-models";

/** Whether neural voices are configured and their models are there; if not, what to download where. */
export function checkNeural({ engines }: Pick<Config, "engines">): Check[] {
  const entries = engines.filter(({ type }) => type === "neural");
  if (entries.length > 0) return entries.flatMap(checkModel); // whether they speak is tried with the other engines
  const advice =
    `Download vits-piper-en_US-amy-low.tar.bz2 from ${MODELS}, unpack it to /opt/models, \`npm install sherpa-onnx-node\`, ` +
    "and name it: { name: amy, type: neural, model: /opt/models/vits-piper-en_US-amy-low }; docs/engines/neural.md has others.";
  return [off("neural voices", "none on this machine", advice)];
}

/** Its files alone: a folder that is not there is the first thing to mend, with or without sherpa-onnx. */
function checkModel(entry: Config["engines"][number]): Check[] {
  const { success, data } = neuralSchema.safeParse(entry);
  if (!success) return []; // the configuration says what is wrong with it
  const { name, model, modelType, modelFile, vocoder } = data;
  try {
    readModelFolder({
      ...{ model, threads: 1 },
      ...(modelType !== undefined && { modelType }),
      ...(modelFile !== undefined && { modelFile }),
      ...(vocoder !== undefined && { vocoder }),
    });
    return [];
  } catch (error) {
    if (!(error instanceof ModelFolderError)) throw error;
    const advice =
      `Download ${basename(model)}.tar.bz2, or whatever the model's archive is, from ${MODELS} and unpack it in ${dirname(model)}; ` +
      "docs/engines/neural.md lists models that fit.";
    return [fail(`neural model ${name}`, error.message, advice)];
  }
}
