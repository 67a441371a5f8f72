import { SpeechError } from "../../core/errors.ts";
import type { SynthesisRequest } from "../../core/ports.ts";
import { browserDate, textFrame } from "../microsoft/frames.ts";
import { percent } from "../microsoft/ssml.ts";

/** What Microsoft documents for the prosody of these voices (Azure, SSML). */
export const EDGE_SPEED = { min: 0.5, max: 2 } as const;
export const EDGE_PITCH = { min: 0.5, max: 1.5 } as const;

/** The first frame of a connection. The quotes around true and false are the browser's. */
export function configFrame(nowMs: number, outputFormat: string): string {
  const metadataoptions = { sentenceBoundaryEnabled: "false", wordBoundaryEnabled: "true" };
  const config = { context: { synthesis: { audio: { metadataoptions, outputFormat } } } };
  return textFrame(
    {
      "X-Timestamp": browserDate(nowMs),
      "Content-Type": "application/json; charset=utf-8",
      Path: "speech.config",
    },
    `${JSON.stringify(config)}\r\n`,
  );
}

/** The second one: what to say. The Z after a time that has its zone already is the browser's. */
export function ssmlFrame(nowMs: number, requestId: string, ssml: string): string {
  return textFrame(
    {
      "X-RequestId": requestId,
      "Content-Type": "application/ssml+xml",
      "X-Timestamp": `${browserDate(nowMs)}Z`,
      Path: "ssml",
    },
    ssml,
  );
}

/** The one shape that the service takes: a voice, and in it a prosody. `escaped` is XML already. */
export function edgeSsml(voice: string, { speed, pitch }: SynthesisRequest, escaped: string): string {
  const rate = percent(speed);
  const change = pitch === 1 ? "+0Hz" : percent(pitch); // a voice's own pitch, of which a factor in Hz would be made, is not known
  return [
    "<speak version='1.0' xmlns='http://www.w3.org/2001/10/synthesis' xml:lang='en-US'>",
    `<voice name='${voice}'><prosody pitch='${change}' rate='${rate}' volume='+0%'>`,
    escaped,
    "</prosody></voice></speak>",
  ].join("");
}

/** `en-US-EmmaMultilingualNeural` as the browser says it. Throws `voice_not_found` for what cannot be a voice's name. */
export function longVoiceName(id: string, engine: string): string {
  const [, locale, name] = /^([a-z]{2,3}(?:-[A-Za-z0-9]{2,16})+)-([A-Za-z0-9]{1,64})$/.exec(id) ?? [];
  if (locale === undefined) {
    throw new SpeechError("voice_not_found", `${engine} has no such voice`, { engine, param: "voice" });
  }
  return `Microsoft Server Speech Text to Speech Voice (${locale}, ${name})`;
}
