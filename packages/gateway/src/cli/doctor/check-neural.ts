import type { Config } from "../../config/config.ts";
import { type Check, off } from "./check.ts";

const MODELS = "https://github.com/k2-fsa/sherpa-onnx/releases/tag/tts-models";

/** Whether a neural voice is configured; if not, what to download where. */
export function checkNeural({ engines }: Config): Check[] {
  if (engines.some(({ type }) => type === "neural")) return []; // it is tried with the other engines
  const advice =
    `Download vits-piper-en_US-amy-low.tar.bz2 from ${MODELS}, unpack it to /opt/models, \`npm install sherpa-onnx-node\`, ` +
    "and name it: { name: amy, type: neural, model: /opt/models/vits-piper-en_US-amy-low }; docs/engines/neural.md has others.";
  return [off("neural voices", "none on this machine", advice)];
}
