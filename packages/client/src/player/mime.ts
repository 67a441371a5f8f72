import type { AudioFormatName } from "@mynah/protocol";

/** As browsers know the formats, and as the gateway names them, but for what stands behind a semicolon. */
export const MIME: Readonly<Record<AudioFormatName, string>> = {
  mp3: "audio/mpeg",
  opus: "audio/ogg; codecs=opus",
  aac: "audio/aac",
  flac: "audio/flac",
  wav: "audio/wav",
  pcm: "audio/pcm",
};

/** The format that a `Content-Type` names. */
export function formatOfType(contentType: string): AudioFormatName | undefined {
  const [type = ""] = contentType.toLowerCase().split(";");
  return (Object.keys(MIME) as AudioFormatName[]).find((format) => MIME[format].split(";")[0] === type.trim());
}
