import { SpeechError } from "../../core/errors.ts";
import type { SynthesisRequest } from "../../core/ports.ts";
import { textFrame } from "../microsoft/frames.ts";
import { percent } from "../microsoft/ssml.ts";
import { escapedText } from "../xml-text.ts";

/** What Azure documents for the `prosody` element. */
export const AZURE_SPEED = { min: 0.5, max: 2 } as const;
export const AZURE_PITCH = { min: 0.5, max: 1.5 } as const;

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

/** The text as SSML in a voice. Throws `voice_not_found` for what cannot be a voice's name. */
export function azureSsml({ voice, text, speed, pitch }: SynthesisRequest, engine: string): string {
  const [, locale] = VOICE.exec(voice) ?? [];
  if (locale === undefined)
    throw new SpeechError("voice_not_found", `${engine} has no such voice`, { engine, param: "voice" });
  const rate = speed === 1 ? "" : ` rate='${percent(speed)}'`;
  const change = pitch === 1 ? "" : ` pitch='${percent(pitch)}'`;
  const escaped = escapedText(text);
  const said = rate + change === "" ? escaped : `<prosody${rate}${change}>${escaped}</prosody>`;
  return [
    `<speak version='1.0' xmlns='http://www.w3.org/2001/10/synthesis' xml:lang='${locale}'>`,
    `<voice name='${voice}'>${said}</voice></speak>`,
  ].join("");
}
