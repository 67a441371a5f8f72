import { type SpeakOptions, speechRequest } from "@mynah/client";

export type SnippetOptions = {
  readonly origin: string;
  readonly options: Omit<SpeakOptions, "signal">;
  /** A key is needed. It is named, never shown. */
  readonly withKey: boolean;
};
export type Snippet = { readonly label: string; readonly write: (from: SnippetOptions) => string };

/** Programs that ask for the same speech. Safe to paste whatever the text holds. */
export const SNIPPETS: readonly Snippet[] = [
  { label: "curl", write: curlCommand },
  { label: "TypeScript", write: typescript },
  { label: "Python", write: python },
];

/** Fields that OpenAI has; its clients' types know no others. */
const OPENAI_FIELDS = new Set(["model", "input", "voice", "instructions", "response_format", "speed"]);

function curlCommand({ origin, options, withKey }: SnippetOptions): string {
  return [
    `curl -sS --fail-with-body ${quote(`${origin}/v1/audio/speech`)}`,
    ...(withKey ? [`-H "Authorization: Bearer $MYNAH_API_KEY"`] : []),
    `-H 'Content-Type: application/json'`,
    `-d ${quote(JSON.stringify(speechRequest(options)))}`,
    `-o mynah.${options.format ?? "mp3"}`,
  ].join(" \\\n  ");
}

function typescript({ origin, options, withKey }: SnippetOptions): string {
  const { theirs, ours } = fields(options);
  const key = withKey ? "process.env.MYNAH_API_KEY" : '"none"';
  return [
    `import { writeFile } from "node:fs/promises";`,
    `import OpenAI from "openai";`,
    "",
    `const openai = new OpenAI({ baseURL: ${JSON.stringify(`${origin}/v1`)}, apiKey: ${key} });`,
    "const speech = await openai.audio.speech.create({",
    ...theirs.map(([name, value]) => `  ${name}: ${JSON.stringify(value)},`),
    ...(ours.length > 0 ? [`  ...${JSON.stringify(Object.fromEntries(ours))}, // Mynah's own`] : []),
    "});",
    `await writeFile("mynah.${options.format ?? "mp3"}", Buffer.from(await speech.arrayBuffer()));`,
  ].join("\n");
}

function python({ origin, options, withKey }: SnippetOptions): string {
  const { theirs, ours } = fields(options);
  return [
    ...(withKey ? ["import os", ""] : []),
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url=${JSON.stringify(`${origin}/v1`)}, api_key=${withKey ? 'os.environ["MYNAH_API_KEY"]' : '"none"'})`,
    "with client.audio.speech.with_streaming_response.create(",
    ...theirs.map(([name, value]) => `    ${name}=${JSON.stringify(value)},`),
    ...(ours.length > 0 ? [`    extra_body=${JSON.stringify(Object.fromEntries(ours))},  # Mynah's own`] : []),
    ") as speech:",
    `    speech.stream_to_file("mynah.${options.format ?? "mp3"}")`,
  ].join("\n");
}

function fields(options: SnippetOptions["options"]) {
  const all = Object.entries(speechRequest(options));
  const isTheirs = ([name]: [string, unknown]) => OPENAI_FIELDS.has(name);
  return { theirs: all.filter(isTheirs), ours: all.filter((field) => !isTheirs(field)) };
}

/** One POSIX shell word: nothing is special between single quotes but the single quote itself. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
