import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type TinyVoiceOptions = {
  /** Bytes of the model that are kept; default: all. */
  readonly modelBytes?: number;
  readonly sampleRateHz?: number;
  readonly speakers?: number;
};

const FLOAT = 1;
const INT64 = 7;
const SAMPLES_PER_TOKEN = 1200;
const TOKENS = ["_", "^", "$", ..." abcdefghijklmnopqrstuvwxyz.,!?'-"];

/**
 * A folder with a model for sherpa-onnx of less than a kilobyte, with the inputs and outputs of a VITS voice: each letter is
 * 1,200 samples of a tone of its own. So what runs, streams, is cancelled and crashes is the real thing, without weights.
 */
export function writeTinyVoice(folder: string, options: TinyVoiceOptions = {}): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "model.onnx"), tinyModel(options).subarray(0, options.modelBytes));
  writeFileSync(join(folder, "tokens.txt"), TOKENS.map((token, at) => `${token} ${at}\n`).join(""));
  return folder;
}

/** ONNX by hand (protocol buffers of onnx.proto3; ir_version 8, opset 13). */
function tinyModel({ sampleRateHz = 22_050, speakers = 1 }: TinyVoiceOptions): Buffer {
  const hertz = (frequency: number): number => (2 * Math.PI * frequency) / sampleRateHz;
  const nodes = [
    node("Cast", ["x"], "token", [attribute("to", FLOAT)]),
    node("Mul", ["length_scale", "samplesPerToken"], "wanted"),
    node("Cast", ["wanted"], "count1", [attribute("to", INT64)]),
    node("Squeeze", ["count1"], "count"),
    node("Range", ["zero", "count", "step"], "at"),
    node("Cast", ["at"], "time", [attribute("to", FLOAT)]),
    node("Unsqueeze", ["token", "lastAxis"], "tokenColumn"),
    node("Mul", ["tokenColumn", "spacing"], "above"),
    node("Add", ["above", "lowest"], "frequency"),
    node("Mul", ["frequency", "time"], "phase"),
    node("Sin", ["phase"], "tone"),
    node("Mul", ["tone", "loudness"], "tones"),
    node("Reshape", ["tones", "shape"], "y"),
  ];
  const constants = [
    tensor("samplesPerToken", FLOAT, [1], [SAMPLES_PER_TOKEN]),
    tensor("zero", INT64, [], [0]),
    tensor("step", INT64, [], [1]),
    tensor("lastAxis", INT64, [1], [2]),
    tensor("spacing", FLOAT, [1], [hertz(40)]),
    tensor("lowest", FLOAT, [1], [hertz(150)]),
    tensor("loudness", FLOAT, [1], [0.3]),
    tensor("shape", INT64, [3], [1, 1, -1]),
  ].map((one) => field(5, one));
  const inputs = [
    value("x", INT64, [1, "T"]),
    value("x_length", INT64, [1]),
    value("noise_scale", FLOAT, [1]),
    value("length_scale", FLOAT, [1]),
    value("noise_scale_w", FLOAT, [1]),
    ...(speakers > 1 ? [value("sid", INT64, [1])] : []),
  ].map((one) => field(11, one));
  const graph = Buffer.concat([
    ...nodes,
    field(2, "g"),
    ...constants,
    ...inputs,
    field(12, value("y", FLOAT, [1, 1, "N"])),
  ]);
  const metadata = {
    ...{ sample_rate: sampleRateHz, n_speakers: speakers, language: "English", comment: "tiny", add_blank: 0 },
    ...{ voice: "en-us", has_espeak: 0, punctuation: " ", frontend: "characters" },
  };
  const properties = Object.entries(metadata).map(([key, one]) =>
    field(14, Buffer.concat([field(1, key), field(2, String(one))])),
  );
  const opset = field(8, Buffer.concat([field(1, ""), integer(2, 13)]));
  return Buffer.concat([integer(1, 8), field(2, "tiny"), field(7, graph), opset, ...properties]);
}

function varint(number: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(number));
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Buffer.from(bytes);
}

function integer(id: number, number: number): Buffer {
  return Buffer.concat([varint(id << 3), varint(number)]);
}

function field(id: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([varint((id << 3) | 2), varint(bytes.length), bytes]);
}

function tensor(name: string, type: number, shape: readonly number[], values: readonly number[]): Buffer {
  const raw = Buffer.alloc(values.length * (type === FLOAT ? 4 : 8));
  for (const [at, one] of values.entries()) {
    if (type === FLOAT) raw.writeFloatLE(one, at * 4);
    else raw.writeBigInt64LE(BigInt(one), at * 8);
  }
  return Buffer.concat([...shape.map((size) => integer(1, size)), integer(2, type), field(8, name), field(9, raw)]);
}

function attribute(name: string, number: number): Buffer {
  return Buffer.concat([field(1, name), integer(3, number), integer(20, 2)]);
}

function node(operator: string, inputs: readonly string[], output: string, attributes: readonly Buffer[] = []): Buffer {
  const parts = [...inputs.map((one) => field(1, one)), field(2, output), field(3, output), field(4, operator)];
  return field(1, Buffer.concat([...parts, ...attributes.map((one) => field(5, one))]));
}

function value(name: string, type: number, shape: readonly (number | string)[]): Buffer {
  const sizes = shape.map((size) => field(1, typeof size === "number" ? integer(1, size) : field(2, size)));
  const tensorType = Buffer.concat([integer(1, type), field(2, Buffer.concat(sizes))]);
  return Buffer.concat([field(1, name), field(2, field(1, tensorType))]);
}
