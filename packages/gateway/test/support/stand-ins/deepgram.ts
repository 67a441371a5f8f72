import { Codecs } from "../../../src/audio/codecs.ts";
import type { AudioFormat } from "../../../src/core/audio-format.ts";
import { otherThan } from "./azure.ts";
import type { StandIn } from "./fault.ts";
import { httpStandIn, sendJson } from "./http-stand-in.ts";
import { spokenTones } from "./spoken-tones.ts";

const VOICES = [
  voice("thalia", "aura-2-thalia-en", ["en", "en-US"], "American", "Adult", "feminine"),
  voice("apollo", "aura-2-apollo-en", ["en", "en-US"], "American", "Mature", "masculine"),
  voice("viktoria", "aura-2-viktoria-de", ["de", "de-DE"], "German", "Young Adult", "feminine"),
];
/** Voices that have a speed. */
const PACED = /^aura-2-.*-(en|es)$/;

export type DeepgramRequest = {
  readonly query: Readonly<Record<string, string>>;
  readonly body: Record<string, unknown>;
  readonly authorization: string | undefined;
};

export type DeepgramStandIn = StandIn & { readonly requests: readonly DeepgramRequest[] };

/** Deepgram's text-to-speech over HTTP on a free local port. Any key but `wrong` is right. */
export async function deepgramStandIn(): Promise<DeepgramStandIn> {
  const requests: DeepgramRequest[] = [];
  const codecs = new Codecs();
  const http = await httpStandIn({
    isSpeech: ({ url = "", method }) => method === "POST" && /^\/v1\/speak(\?|$)/.test(url),
    other({ url, headers }, response, fault) {
      const key = headers.authorization?.replace(/^(Token|Bearer) /, "");
      const refuse = (status: number, err_code: string): void =>
        sendJson(response, status, { err_code, err_msg: "no", request_id: "r" });
      if (fault?.kind === "status") refuse(fault.status, "AS_ASKED_FOR");
      else if (key === undefined || key === "wrong") refuse(401, "INVALID_AUTH");
      else if (url !== "/v1/models") refuse(404, "NOT_FOUND");
      else sendJson(response, 200, { stt: [], tts: VOICES });
    },
    async speak({ request, response, body = {}, fault, deliver }) {
      const query = Object.fromEntries(new URL(request.url!, "http://local").searchParams);
      const { authorization } = request.headers;
      requests.push({ query, body, authorization });
      if (fault?.kind === "hang") return;
      const refuse = (status: number, err_code: string): void =>
        sendJson(response, status, { err_code, err_msg: "no", request_id: "r" });
      if (fault?.kind === "status") {
        if (fault.retryAfterS !== undefined) response.setHeader("retry-after", fault.retryAfterS);
        return refuse(fault.status, fault.status === 429 ? "TOO_MANY_REQUESTS" : "AS_ASKED_FOR");
      }
      if (authorization === undefined || authorization.endsWith(" wrong")) return refuse(401, "INVALID_AUTH");
      const { model = "aura-asteria-en", encoding = "mp3", container, sample_rate = "24000", speed = "1" } = query;
      if (!VOICES.some(({ canonical_name }) => canonical_name === model)) return refuse(400, "INVALID_QUERY_PARAMETER");
      if (speed !== "1" && (!PACED.test(model) || Number(speed) < 0.7 || Number(speed) > 1.5))
        return refuse(400, "INVALID_QUERY_PARAMETER");
      if (encoding === "linear16" && container !== "none" && container !== "wav")
        return refuse(400, "UNSUPPORTED_AUDIO_FORMAT");
      const { text } = body;
      if (typeof text !== "string" || text === "") return refuse(400, "EMPTY_TEXT");
      if (text.length > 2000) return refuse(413, "PAYLOAD_TOO_LARGE");
      const asked: AudioFormat =
        encoding === "linear16"
          ? { name: container === "wav" ? "wav" : "pcm", sampleRateHz: Number(sample_rate) }
          : { name: "mp3", sampleRateHz: 22_050, bitrateBps: 48_000 };
      response.writeHead(200, {
        ...{ "content-type": encoding === "linear16" ? "audio/l16" : "audio/mpeg", "dg-model-name": model },
        ...{ "dg-char-count": text.length, "transfer-encoding": "chunked" },
      });
      const format = fault?.kind === "wrong-format" ? otherThan(asked) : asked;
      const said = { text, voice: model, speed: Number(speed), format };
      await deliver({ make: (what) => spokenTones({ ...said, silent: what === "silence" }, codecs) });
    },
  });
  return Object.assign(http, { requests });
}

function voice(name: string, canonical_name: string, languages: string[], accent: string, age: string, gender: string) {
  const metadata = { accent, age, color: "#ffffff", image: "", sample: "", tags: [gender, "clear"], use_cases: [] };
  return {
    name,
    canonical_name,
    architecture: "aura-2",
    languages,
    version: "2025-04-07.0",
    uuid: canonical_name,
    metadata,
  };
}
