import { SpeechError } from "../../core/errors.ts";
import type { SynthesisRequest } from "../../core/ports.ts";
import type { Voice } from "../../core/voice.ts";
import { textFrame } from "../microsoft/frames.ts";
import { percent } from "../microsoft/ssml.ts";
import { textSsml } from "../phoneme-elements.ts";

/** What Azure documents for the `prosody` element. */
export const AZURE_SPEED = { min: 0.5, max: 2 } as const;
export const AZURE_PITCH = { min: 0.5, max: 1.5 } as const;
/** Of its `phoneme` element. The HD voices have none. */
export const AZURE_PHONEMES = { alphabets: ["ipa", "x-sampa", "sapi", "ups"], exceptVoices: /:Dragon/ } as const;

/** The first frame of a connection: who we are. */
export function configFrame(now: Date, requestId: string, version: string): string {
  const context = { system: { name: "Mynah", version }, os: { platform: "Node.js", name: process.platform } };
  return frame("speech.config", "application/json", now, requestId, JSON.stringify({ context }));
}

/** The first frame of a turn: what is to come of it. */
export function contextFrame(now: Date, requestId: string, outputFormat: string): string {
  const metadataOptions = {
    bookmarkEnabled: false,
    punctuationBoundaryEnabled: false,
    sentenceBoundaryEnabled: false,
    sessionEndEnabled: false,
    visemeEnabled: false,
    wordBoundaryEnabled: true,
  };
  const context = { synthesis: { audio: { metadataOptions, outputFormat }, language: { autoDetection: false } } };
  return frame("synthesis.context", "application/json", now, requestId, JSON.stringify(context));
}

/** The second one: what to say. */
export function ssmlFrame(now: Date, requestId: string, ssml: string): string {
  return frame("ssml", "application/ssml+xml", now, requestId, ssml);
}

function frame(path: string, type: string, now: Date, requestId: string, body: string): string {
  const headers = {
    Path: path,
    "X-RequestId": requestId,
    "X-Timestamp": now.toISOString(),
    "Content-Type": type,
  };
  return textFrame(headers, body);
}

const VOICE = /^([a-z]{2,3}(?:-[A-Za-z0-9]{2,16})+)-[A-Za-z0-9:]{1,64}$/;
const STYLE = /^[\w-]{1,64}$/;
/** They speak the languages that they are told; the others have one. */
const MULTILINGUAL = /Multilingual|:Dragon/;
const LANGUAGE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/;

/**
 * The text as SSML in a voice, of which only what is asked for is in it. `listed` is the voice as the service lists it, if
 * that is known. Throws `voice_not_found` for what cannot be a voice's name, `setting_unsupported` for a style it has not.
 */
export function azureSsml(request: SynthesisRequest, engine: string, listed?: Voice): string {
  const { voice, speed, pitch, style, language } = request;
  const [, locale] = VOICE.exec(voice) ?? [];
  if (locale === undefined)
    throw new SpeechError("voice_not_found", `${engine} has no such voice`, { engine, param: "voice" });
  const rate = speed === 1 ? "" : ` rate='${percent(speed)}'`;
  const change = pitch === 1 ? "" : ` pitch='${percent(pitch)}'`;
  let said = textSsml(request);
  if (rate + change !== "") said = `<prosody${rate}${change}>${said}</prosody>`;
  if (style !== undefined)
    said = `<mstts:express-as style='${styleOf(style, engine, listed)}'>${said}</mstts:express-as>`;
  const spoken = language === undefined ? undefined : otherLocale(language, locale, voice, listed);
  if (spoken !== undefined) said = `<lang xml:lang='${spoken}'>${said}</lang>`;
  const extension = style === undefined ? "" : " xmlns:mstts='http://www.w3.org/2001/mstts'";
  return [
    `<speak version='1.0' xmlns='http://www.w3.org/2001/10/synthesis'${extension} xml:lang='${locale}'>`,
    `<voice name='${voice}'>${said}</voice></speak>`,
  ].join("");
}

/** The service passes over a style that the voice has not. */
function styleOf(style: string, engine: string, listed: Voice | undefined): string {
  const own = listed?.styles?.find((each) => each.toLowerCase() === style.toLowerCase());
  if (STYLE.test(style) && (listed === undefined || own !== undefined)) return own ?? style;
  const has = listed?.styles ? `; it has ${listed.styles.join(", ")}` : "";
  const message = `this voice of ${engine} has no such style${has}`;
  throw new SpeechError("setting_unsupported", message, { engine, param: "style" });
}

/** The locale that a voice of many languages is to be told; undefined: it is the voice's own, or it has no other. */
function otherLocale(asked: string, own: string, voice: string, listed: Voice | undefined): string | undefined {
  const [language] = asked.toLowerCase().split("-");
  if (!MULTILINGUAL.test(voice) || !LANGUAGE.test(asked) || own.toLowerCase().startsWith(`${language}-`))
    return undefined;
  if (asked.includes("-")) return asked;
  return listed?.languages?.find((locale) => locale.toLowerCase().startsWith(`${language}-`)) ?? asked;
}
