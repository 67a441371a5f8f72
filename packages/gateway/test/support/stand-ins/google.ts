import { type KeyObject, verify } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Codecs } from "../../../src/audio/codecs.ts";
import type { AudioFormat } from "../../../src/core/audio-format.ts";
import { otherThan } from "./azure.ts";
import type { Fault, StandIn } from "./fault.ts";
import { httpStandIn, sendJson, textOf } from "./http-stand-in.ts";
import { withoutPhonemes } from "./phoneme-elements.ts";
import { MS_PER_CHAR, spokenTones } from "./spoken-tones.ts";

const VOICES = [
  { name: "en-US-Neural2-C", languageCodes: ["en-US"], ssmlGender: "FEMALE", naturalSampleRateHertz: 24_000 },
  { name: "en-US-Chirp3-HD-Kore", languageCodes: ["en-US"], ssmlGender: "FEMALE", naturalSampleRateHertz: 24_000 },
  { name: "de-DE-Wavenet-B", languageCodes: ["de-DE"], ssmlGender: "MALE", naturalSampleRateHertz: 24_000 },
  { name: "Kore", languageCodes: ["en-US", "de-DE"], ssmlGender: "FEMALE", naturalSampleRateHertz: 24_000 },
];
const SYNTHESIZE = /^\/v1(beta1)?\/text:synthesize(\?|$)/;
const METADATA = "/computeMetadata/v1/instance/service-accounts/default/token";
/** By name, and by the number that some clients send instead. */
const FORMATS: Readonly<Record<string, AudioFormat>> = {
  LINEAR16: { name: "wav", sampleRateHz: 24_000 },
  MP3: { name: "mp3", sampleRateHz: 24_000, bitrateBps: 32_000 },
  OGG_OPUS: { name: "opus", sampleRateHz: 24_000 },
};
const NUMBERS: Readonly<Record<string, string>> = { 1: "LINEAR16", 2: "MP3", 3: "OGG_OPUS" };

export type GoogleRequest = {
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly headers: IncomingMessage["headers"];
};

export type GoogleStandIn = StandIn & {
  readonly requests: readonly GoogleRequest[];
  /** The form fields of each token that was asked for; empty for the metadata server. */
  readonly tokensAsked: readonly URLSearchParams[];
  /** With which assertions must be signed. */
  publicKey: KeyObject | undefined;
  /** Lifetime of the tokens it gives. */
  tokenSeconds: number;
  /** Tokens given so far are not taken any more. */
  revoke(): void;
};

/** Google Cloud Text-to-Speech on a free local port, with the token endpoint and the metadata server. Any API key but `wrong` is right. */
export async function googleStandIn(): Promise<GoogleStandIn> {
  const requests: GoogleRequest[] = [];
  const tokensAsked: URLSearchParams[] = [];
  const tokens = new Set<string>();
  const codecs = new Codecs();
  const http = await httpStandIn({
    isSpeech: ({ url = "", method }) => method === "POST" && SYNTHESIZE.test(url),
    other: (request, response, fault) => void other(request, response, fault),
    async speak({ request, response, body = {}, fault, deliver }) {
      const path = request.url!.split("?")[0]!;
      requests.push({ path, body, headers: request.headers });
      if (fault?.kind === "hang") return;
      if (fault?.kind === "status") return refuse(response, fault.status, undefined, fault.retryAfterS);
      if (!authorized(request, response)) return;
      const ask = understood(body as Body, path.includes("beta"));
      if (typeof ask === "string") return refuse(response, 400, ask);
      response.writeHead(200, { "content-type": "application/json; charset=UTF-8" });
      const format = fault?.kind === "wrong-format" ? otherThan(ask.format) : ask.format;
      let begun = "";
      const begin = (): string => {
        const prefix = begun === "" ? '{\n  "audioContent": "' : "";
        begun = "yes";
        return prefix;
      };
      await deliver({
        make: (what) => spokenTones({ ...ask, format, silent: what === "silence" }, codecs),
        wrap: (audio) => begin() + Buffer.from(audio).toString("base64"),
        ending: () => `${begin()}",\n  "timepoints": ${JSON.stringify(ask.timepoints)}\n}\n`,
      });
    },
  });

  async function other(request: IncomingMessage, response: ServerResponse, fault: Fault | undefined): Promise<void> {
    const path = request.url?.split("?")[0];
    if (path === "/token" && request.method === "POST")
      return giveToken(new URLSearchParams(await textOf(request)), response, fault);
    if (path === METADATA && request.headers["metadata-flavor"] === "Google")
      return giveToken(new URLSearchParams(), response, fault);
    if (path !== "/v1/voices") return refuse(response, 404, "NOT_FOUND");
    if (fault?.kind === "status") return refuse(response, fault.status);
    if (authorized(request, response)) sendJson(response, 200, { voices: VOICES });
  }

  function giveToken(form: URLSearchParams, response: ServerResponse, fault: Fault | undefined): void {
    tokensAsked.push(form);
    if (fault?.kind === "status") {
      sendJson(response, fault.status, { error: "internal_failure" });
      return;
    }
    const assertion = form.get("assertion");
    const [head = "", claims = "", signature = ""] = assertion?.split(".") ?? [];
    const { publicKey } = standIn;
    const good =
      assertion === null
        ? form.get("refresh_token") !== "wrong"
        : publicKey !== undefined &&
          verify("RSA-SHA256", Buffer.from(`${head}.${claims}`), publicKey, Buffer.from(signature, "base64url"));
    if (!good) {
      sendJson(response, 400, { error: "invalid_grant", error_description: "Invalid JWT Signature." });
      return;
    }
    const token = `ya29.token-${tokensAsked.length}`;
    tokens.add(token);
    sendJson(response, 200, { access_token: token, expires_in: standIn.tokenSeconds, token_type: "Bearer" });
  }

  function authorized({ headers }: IncomingMessage, response: ServerResponse): boolean {
    const key = headers["x-goog-api-key"];
    if (key === "wrong") refuse(response, 400, "API_KEY_INVALID");
    else if (key === undefined && !tokens.has(headers.authorization?.replace("Bearer ", "") ?? ""))
      refuse(response, 401);
    else return true;
    return false;
  }

  const fields = { requests, tokensAsked, publicKey: undefined as KeyObject | undefined, tokenSeconds: 3599 };
  const standIn: GoogleStandIn = Object.assign(http, { ...fields, revoke: () => tokens.clear() });
  return standIn;
}

const STATUSES: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
};

function refuse(response: ServerResponse, code: number, why?: string, retryAfterS?: number): void {
  if (retryAfterS !== undefined) response.setHeader("retry-after", retryAfterS);
  const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: why, domain: "googleapis.com" };
  const details = why !== undefined && /^[A-Z_]+$/.test(why) ? [info] : [];
  sendJson(response, code, { error: { code, message: why ?? "as asked for", status: STATUSES[code], details } });
}

type Body = {
  readonly input?: { readonly text?: string; readonly ssml?: string };
  readonly voice?: { readonly languageCode?: string; readonly name?: string; readonly modelName?: string };
  readonly audioConfig?: {
    readonly audioEncoding?: string | number;
    readonly speakingRate?: number;
    readonly pitch?: number;
    readonly sampleRateHertz?: number;
  };
  readonly enableTimePointing?: readonly unknown[];
};
type Ask = {
  readonly text: string;
  readonly voice: string;
  readonly speed: number;
  readonly format: AudioFormat;
  readonly timepoints: readonly { markName: string; timeSeconds?: number }[];
};

/** What is to be said; a string says what is wrong with it. */
function understood(
  { input = {}, voice = {}, audioConfig = {}, enableTimePointing }: Body,
  beta: boolean,
): Ask | string {
  const { name = "", languageCode = "" } = voice;
  const { audioEncoding = "", speakingRate: speed = 1, pitch = 0 } = audioConfig;
  const encoding = NUMBERS[audioEncoding] ?? audioEncoding;
  const format = FORMATS[encoding];
  if (languageCode === "") return "voice.language_code must be set";
  if (!VOICES.some((each) => each.name === name && each.languageCodes.includes(languageCode)))
    return "Voice does not exist.";
  if (name.includes("-") === (voice.modelName !== undefined)) return "This voice requires a model name.";
  if (format === undefined) return "Unsupported audio encoding.";
  if (speed < 0.25 || speed > 2 || (pitch !== 0 && name.includes("Chirp"))) return "Invalid audio config.";
  if ((input.text === undefined) === (input.ssml === undefined))
    return "Either `input.text` or `input.ssml` must be set.";
  if (input.text !== undefined) {
    if (Buffer.byteLength(input.text) > 5000) return "Input size limit exceeded.";
    return { text: input.text, voice: name, speed, format, timepoints: [] };
  }
  const parsed = readSsml(input.ssml!);
  if (parsed === undefined || name.includes("Chirp")) return "Invalid SSML.";
  const wanted = beta && enableTimePointing?.some((each) => each === "SSML_MARK" || each === 1);
  const timepoints = wanted
    ? parsed.marks.map(({ markName, at }) => {
        const timeSeconds = (at * MS_PER_CHAR) / speed / 1000;
        return { markName, ...(timeSeconds > 0 && { timeSeconds }) };
      })
    : [];
  return { text: parsed.text, voice: name, speed, format, timepoints };
}

function readSsml(ssml: string): { text: string; marks: { markName: string; at: number }[] } | undefined {
  const inner = withoutPhonemes(/^<speak>(.*)<\/speak>$/s.exec(ssml)?.[1] ?? "<", ["ipa", "x-sampa"]);
  if (inner === undefined || /&(?!(?:amp|lt|gt|quot|apos);)/.test(inner)) return undefined;
  const marks: { markName: string; at: number }[] = [];
  const entities = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  let text = "";
  for (const part of inner.split(/(<[^>]*>)/)) {
    const [, markName] = /^<mark name="(\w+)"\/>$/.exec(part) ?? [];
    if (markName !== undefined) marks.push({ markName, at: text.length });
    else if (/[<>]/.test(part)) return undefined;
    else text += part.replace(/&(\w+);/g, (_, entity: keyof typeof entities) => entities[entity]);
  }
  return { text, marks };
}
