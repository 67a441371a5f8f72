import type { IncomingMessage, ServerResponse } from "node:http";
import { Codecs } from "../../../src/audio/codecs.ts";
import type { AudioFormat } from "../../../src/core/audio-format.ts";
import { type AwsCredentials, authorizationOf } from "../../../src/engines/polly/sign-request.ts";
import { otherThan } from "./azure.ts";
import type { Fault, StandIn } from "./fault.ts";
import { httpStandIn, sendJson } from "./http-stand-in.ts";
import { withoutPhonemes } from "./phoneme-elements.ts";
import { spokenTones, toneWords } from "./spoken-tones.ts";

type PollyVoice = {
  readonly Id: string;
  readonly Name: string;
  readonly Gender: string;
  readonly LanguageCode: string;
  readonly AdditionalLanguageCodes?: readonly string[];
  readonly SupportedEngines: readonly string[];
};
const VOICES: readonly PollyVoice[] = [
  { Id: "Joanna", Name: "Joanna", Gender: "Female", LanguageCode: "en-US", SupportedEngines: ["neural", "standard"] },
  { Id: "Brian", Name: "Brian", Gender: "Male", LanguageCode: "en-GB", SupportedEngines: ["neural"] },
  {
    ...{ Id: "Kajal", Name: "Kajal", Gender: "Female", LanguageCode: "en-IN", AdditionalLanguageCodes: ["hi-IN"] },
    SupportedEngines: ["neural", "generative"],
  },
];
const PAGE = 2;
const REGION = "eu-west-1";
const RATES: Readonly<Record<string, readonly string[]>> = {
  mp3: ["8000", "16000", "22050", "24000"],
  pcm: ["8000", "16000"],
};

export type PollyStandIn = StandIn & {
  /** What was asked for, audio and speech marks alike. */
  readonly bodies: readonly Record<string, unknown>[];
  /** Refuses all as Polly does beyond its quota. */
  throttles: boolean;
};

/** Amazon Polly in `eu-west-1` on a free local port: streamed speech, speech marks and the list of voices, for who signs with these. */
export async function pollyStandIn(credentials: AwsCredentials): Promise<PollyStandIn> {
  const bodies: Record<string, unknown>[] = [];
  const codecs = new Codecs();
  const http = await httpStandIn({
    isSpeech: ({ url, method }) => url === "/v1/speech" && method === "POST",
    other(request, response, fault) {
      const { pathname, searchParams } = new URL(request.url ?? "", "http://local");
      const wrong = signatureProblem(request, "", credentials);
      if (fault?.kind === "status") refuse(response, fault.status, "ServiceFailureException");
      else if (wrong !== undefined) refuse(response, 403, wrong);
      else if (pathname !== "/v1/voices") refuse(response, 404, "UnknownOperationException");
      else {
        const engine = searchParams.get("Engine");
        const from = Number(searchParams.get("NextToken") ?? 0);
        const able = VOICES.filter(({ SupportedEngines: has }) => engine === null || has.includes(engine));
        const NextToken = from + PAGE < able.length ? String(from + PAGE) : undefined;
        sendJson(response, 200, { Voices: able.slice(from, from + PAGE), NextToken });
      }
    },
    async speak({ request, response, text, body = {}, fault, deliver }) {
      bodies.push(body);
      if (fault?.kind === "hang") return;
      if (fault?.kind === "status")
        return refuse(response, fault.status, CODES[fault.status] ?? "ServiceFailureException", fault);
      const wrong = signatureProblem(request, text, credentials);
      if (wrong !== undefined) return refuse(response, 403, wrong);
      if (standIn.throttles) return refuse(response, 400, "ThrottlingException");
      const ask = understood(body);
      if (typeof ask === "string") return refuse(response, 400, ask);
      if (ask.format === undefined) {
        const lines = toneWords(ask.text, ask.speed).map(({ word, from, startMs }) => {
          const start = Buffer.byteLength(ask.text.slice(0, from));
          return JSON.stringify({
            time: Math.round(startMs),
            type: "word",
            start,
            end: start + Buffer.byteLength(word),
            value: word,
          });
        });
        response.writeHead(200, { "content-type": "application/x-json-stream" }).end(`${lines.join("\n")}\n`);
        return;
      }
      const type = ask.format.name === "mp3" ? "audio/mpeg" : "audio/pcm";
      response.writeHead(200, { "content-type": type, "x-amzn-requestcharacters": ask.text.length });
      const format = fault?.kind === "wrong-format" ? otherThan(ask.format) : ask.format;
      await deliver({ make: (what) => spokenTones({ ...ask, format, silent: what === "silence" }, codecs) });
    },
  });
  const standIn: PollyStandIn = Object.assign(http, { bodies, throttles: false });
  return standIn;
}

const CODES: Readonly<Record<number, string>> = { 403: "UnrecognizedClientException", 503: "ServiceUnavailable" };

function refuse(
  response: ServerResponse,
  status: number,
  code: string,
  fault?: Extract<Fault, { kind: "status" }>,
): void {
  if (fault?.retryAfterS !== undefined) response.setHeader("retry-after", fault.retryAfterS);
  response.setHeader("x-amzn-errortype", `${code}:http://internal.amazon.com/coral/com.amazon.parrot.service/`);
  sendJson(response, status, { message: "as asked for" });
}

/** What AWS would call it; undefined: it is signed as it should be. */
function signatureProblem(request: IncomingMessage, body: string, credentials: AwsCredentials): string | undefined {
  const { authorization = "", host = "", ...headers } = request.headers as Record<string, string>;
  const [, keyId, region, service, names = ""] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=/.exec(
      authorization,
    ) ?? [];
  const date = headers["x-amz-date"] ?? "";
  if (keyId === undefined) return "MissingAuthenticationTokenException";
  if (keyId !== credentials.accessKeyId || headers["x-amz-security-token"] !== credentials.sessionToken)
    return "UnrecognizedClientException";
  const ageMs = Date.now() - Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/, "$1-$2-$3T$4:$5:"));
  if (!(Math.abs(ageMs) < 300_000) || region !== REGION || service !== "polly") return "InvalidSignatureException";
  const signed = Object.fromEntries(
    names.split(";").flatMap((name) => (name === "host" ? [] : [[name, headers[name] ?? ""]])),
  );
  const url = new URL(request.url ?? "", `http://${host}`);
  const expected = authorizationOf(
    { method: request.method!, url, headers: signed, body, region, service, nowMs: 0 },
    date,
    credentials,
  );
  return authorization === expected ? undefined : "InvalidSignatureException";
}

type Ask = {
  readonly text: string;
  readonly voice: string;
  readonly speed: number;
  readonly format: AudioFormat | undefined;
};

/** What is to be said; a string is Polly's name for what is wrong with it. No format: speech marks. */
function understood(body: Record<string, unknown>): Ask | string {
  const {
    Engine = "standard",
    VoiceId,
    LanguageCode,
    OutputFormat,
    SampleRate,
    SpeechMarkTypes,
    Text,
    TextType = "text",
  } = body;
  const voice = VOICES.find(({ Id }) => Id === VoiceId);
  if (voice === undefined || typeof Text !== "string") return "ValidationException";
  if (!voice.SupportedEngines.includes(String(Engine))) return "EngineNotSupportedException";
  const languages: unknown[] = [voice.LanguageCode, ...(voice.AdditionalLanguageCodes ?? [])];
  if (LanguageCode !== undefined && !languages.includes(LanguageCode)) return "LanguageNotSupportedException";
  const ssml = Engine === "generative" ? Text : (withoutPhonemes(Text, ["ipa", "x-sampa", "x-amazon-pinyin"]) ?? "");
  const [, , percent = 100, escaped] =
    /^<speak>(<prosody rate="(\d+)%">)?([^<>]*)(?:<\/prosody>)?<\/speak>$/s.exec(ssml) ?? [];
  if (TextType === "ssml" && (escaped === undefined || /&(?!(?:amp|lt|gt|quot|apos);)/.test(escaped)))
    return "InvalidSsmlException";
  const entities = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  const text =
    TextType === "ssml" ? escaped!.replace(/&(\w+);/g, (_, entity: keyof typeof entities) => entities[entity]) : Text;
  if (text.length > 3000) return "TextLengthExceededException";
  const said = { text, voice: voice.Id, speed: TextType === "ssml" ? Number(percent) / 100 : 1 };
  if (OutputFormat === "json")
    return Array.isArray(SpeechMarkTypes) ? { ...said, format: undefined } : "ValidationException";
  if (!(RATES[String(OutputFormat)] ?? []).includes(String(SampleRate))) return "InvalidSampleRateException";
  const sampleRateHz = Number(SampleRate);
  const format: AudioFormat =
    OutputFormat === "mp3" ? { name: "mp3", sampleRateHz, bitrateBps: 48_000 } : { name: "pcm", sampleRateHz };
  return { ...said, format };
}
