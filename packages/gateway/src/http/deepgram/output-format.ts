import type { AudioFormat, SampleEncoding } from "../../core/audio-format.ts";
import { SpeechError } from "../../core/errors.ts";

/** What was asked for; absent fields have Deepgram's defaults. */
export type OutputQuery = {
  readonly encoding?: string | undefined;
  readonly container?: string | undefined;
  readonly sample_rate?: string | undefined;
  readonly bit_rate?: string | undefined;
};

type Offer = {
  readonly name: "mp3" | "opus" | "flac" | "aac" | "wav";
  readonly encoding?: SampleEncoding;
  /** The first is the default. */
  readonly containers: readonly string[];
  readonly ratesHz: readonly [usual: number, ...others: number[]];
  /** Absent: the codec has none. A codec that has a range is offered as far as ours goes. */
  readonly bitRates?:
    | { readonly usual: number; readonly min: number; readonly max: number }
    | { readonly usual: number; readonly of: readonly number[] };
};

/** Deepgram's table of combinations. */
const OFFERS: Readonly<Record<string, Offer>> = {
  linear16: { name: "wav", containers: ["wav", "none"], ratesHz: [24_000, 8000, 16_000, 32_000, 48_000] },
  mulaw: { name: "wav", encoding: "mulaw", containers: ["wav", "none"], ratesHz: [8000, 16_000] },
  alaw: { name: "wav", encoding: "alaw", containers: ["wav", "none"], ratesHz: [8000, 16_000] },
  mp3: { name: "mp3", containers: ["none"], ratesHz: [22_050], bitRates: { usual: 48_000, of: [32_000, 48_000] } },
  opus: { name: "opus", containers: ["ogg"], ratesHz: [48_000], bitRates: { usual: 12_000, min: 6000, max: 256_000 } },
  flac: { name: "flac", containers: ["none"], ratesHz: [48_000, 8000, 16_000, 22_050, 32_000] },
  aac: { name: "aac", containers: ["none"], ratesHz: [22_050], bitRates: { usual: 48_000, min: 16_000, max: 192_000 } },
};
/** Those that can be sent without a file around them. */
const RAW = ["linear16", "mulaw", "alaw"];
const DEFAULT_ENCODING = "mp3";

/** Of `POST /v1/speak`. Throws `invalid_request` for what Deepgram does not offer either. */
export function outputFormatOf(query: OutputQuery): AudioFormat {
  const { encoding = DEFAULT_ENCODING, container } = query;
  const offer = offerOf(encoding, Object.keys(OFFERS));
  const { containers, ratesHz, bitRates } = offer;
  const wrapped = oneOf("container", container ?? containers[0]!, containers, encoding);
  const sampleRateHz = Number(
    oneOf("sample_rate", query.sample_rate ?? String(ratesHz[0]), ratesHz.map(String), encoding),
  );
  const bitrateBps = bitRateOf(query.bit_rate, bitRates, encoding);
  return {
    name: offer.name === "wav" && wrapped === "none" ? "pcm" : offer.name,
    sampleRateHz,
    ...(bitrateBps !== undefined && { bitrateBps }),
    ...(offer.encoding && { encoding: offer.encoding }),
  };
}

/** Of the socket: bare samples alone, linear16 if nothing is said. */
export function socketFormatOf({ encoding = "linear16", sample_rate }: OutputQuery): AudioFormat {
  offerOf(encoding, RAW);
  return outputFormatOf({ encoding, sample_rate, container: "none" });
}

function offerOf(encoding: string, among: readonly string[]): Offer {
  oneOf("encoding", encoding, among);
  return OFFERS[encoding]!;
}

function oneOf(field: string, value: string, allowed: readonly string[], encoding?: string): string {
  if (allowed.includes(value)) return value;
  const where = encoding === undefined ? "" : ` for ${encoding}`;
  throw invalid(`"${field}" must be one of ${allowed.join(", ")}${where}`, field);
}

function bitRateOf(text: string | undefined, offered: Offer["bitRates"], encoding: string): number | undefined {
  if (text === undefined) return offered?.usual;
  const value = Number(text);
  if (offered === undefined) throw invalid(`${encoding} has no "bit_rate"`, "bit_rate");
  const fits = "of" in offered ? offered.of.includes(value) : value >= offered.min && value <= offered.max;
  if (fits) return value;
  const choice = "of" in offered ? `one of ${offered.of.join(", ")}` : `from ${offered.min} to ${offered.max}`;
  throw invalid(`"bit_rate" must be ${choice} for ${encoding}`, "bit_rate");
}

function invalid(message: string, param: string): SpeechError {
  return new SpeechError("invalid_request", message, { param });
}
