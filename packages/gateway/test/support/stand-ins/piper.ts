import { Codecs } from "../../../src/audio/codecs.ts";
import type { AudioFormat } from "../../../src/core/audio-format.ts";
import type { StandIn } from "./fault.ts";
import { httpStandIn, sendJson } from "./http-stand-in.ts";
import { spokenTones } from "./spoken-tones.ts";

const WAV: AudioFormat = { name: "wav", sampleRateHz: 22_050 };
const MP3: AudioFormat = { name: "mp3", sampleRateHz: 22_050, bitrateBps: 32_000 };
const VOICES = { "en_US-lessac-medium": { key: "en_US-lessac-medium" }, "de_DE-thorsten-medium": {} };

/** A server on a free local port that answers as `python3 -m piper.http_server` does. */
export async function piperStandIn(): Promise<StandIn> {
  const codecs = new Codecs();
  return httpStandIn({
    isSpeech: ({ url, method }) => url === "/" && method === "POST",
    other({ url }, response) {
      if (url === "/voices") sendJson(response, 200, VOICES);
      else sendJson(response, 404, { error: "not found" });
    },
    async speak({ response, body = {}, fault, deliver }) {
      if (fault?.kind === "hang") return;
      if (fault?.kind === "status") return sendJson(response, fault.status, { error: "as asked for" });
      const { text, voice, length_scale: scale = 1 } = body as { text?: string; voice?: string; length_scale?: number };
      if (text === undefined || !Object.hasOwn(VOICES, voice ?? ""))
        return sendJson(response, 400, { error: "no voice" });
      response.writeHead(200, { "content-type": "audio/wav", "transfer-encoding": "chunked" });
      const format = fault?.kind === "wrong-format" ? MP3 : WAV;
      const [speed, speaker] = [1 / scale, voice!];
      await deliver({
        make: (what) => spokenTones({ text, voice: speaker, speed, format, silent: what === "silence" }, codecs),
      });
    },
  });
}
