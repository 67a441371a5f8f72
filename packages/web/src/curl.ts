import { type SpeakOptions, speechRequest } from "@mynah/client";

/** The command that asks for the same speech. Safe to paste for any text; a key is named, never shown. */
export function curlCommand(origin: string, options: Omit<SpeakOptions, "signal">, withKey: boolean): string {
  return [
    `curl -sS --fail-with-body ${quote(`${origin}/v1/audio/speech`)}`,
    ...(withKey ? [`-H "Authorization: Bearer $MYNAH_API_KEY"`] : []),
    `-H 'Content-Type: application/json'`,
    `-d ${quote(JSON.stringify(speechRequest(options)))}`,
    `-o mynah.${options.format ?? "mp3"}`,
  ].join(" \\\n  ");
}

/** One POSIX shell word: nothing is special between single quotes but the single quote itself. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
