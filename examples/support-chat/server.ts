/**
 * A support chat whose answers come with their voice in the same message, as many chat front ends expect it. The text is always
 * delivered: without `tts` when the voice is refused, late or not there at all.   node examples/support-chat/server.ts
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect, MynahError } from "@mynah/client";
import { type WebSocket, WebSocketServer } from "ws";
import { answerTo } from "./answers.ts";

type Voiced = {
  /** Base64. */
  audio_data: string;
  format: string;
  /** Seconds. */
  duration: number;
  voice_used: string;
  engine_used: string;
  from_cache: boolean;
  latency_ms: number;
};

const { MYNAH_URL = "http://127.0.0.1:8080", MYNAH_API_KEY, PORT = "8090" } = process.env;
/** A reader does not wait longer than this for a voice. */
const VOICE_DEADLINE_MS = 3_000;

// One socket for all chats: each answer is one utterance on it, counted for the person it is for.
const gateway = connect({ baseUrl: MYNAH_URL, ...(MYNAH_API_KEY && { apiKey: MYNAH_API_KEY }) });

async function voiceOf(text: string, { user, voice = "alloy" }: { user: string; voice?: string }): Promise<Voiced> {
  const startedAt = performance.now();
  const utterance = gateway.speak({ text, voice, user, format: "mp3", signal: AbortSignal.timeout(VOICE_DEADLINE_MS) });
  const chunks: Uint8Array[] = [];
  for await (const chunk of utterance.audio) chunks.push(chunk);
  const [started, end] = await Promise.all([utterance.started, utterance.done]);
  if (end.outcome !== "done") throw new Error("nobody cancels here");
  return {
    audio_data: Buffer.concat(chunks).toString("base64"),
    format: started.format,
    duration: end.durationMs / 1000,
    voice_used: started.voice,
    engine_used: end.engine,
    from_cache: end.fromCache,
    latency_ms: Math.round(performance.now() - startedAt),
  };
}

async function answer(chat: WebSocket, raw: string, user: string): Promise<void> {
  const asked = parse(raw);
  if (!asked) return chat.send(JSON.stringify({ type: "error", message: 'send {"type":"chat","content":"…"}' }));
  const content = answerTo(asked.content);
  const startedAt = performance.now();
  const tts = await voiceOf(content, { user: asked.user_id ?? user, ...asked.settings }).catch((error: unknown) => {
    // A text without a voice is an answer; a voice without a text would be none.
    console.warn(`no voice: ${error instanceof MynahError ? error.code : String(error)}`);
    return undefined;
  });
  const tts_processing_time_ms = Math.round(performance.now() - startedAt);
  chat.send(JSON.stringify({ type: "chat_response", content, ...(tts && { tts }), tts_processing_time_ms }));
}

type Question = { content: string; user_id?: string; settings: { voice?: string } };

function parse(raw: string): Question | undefined {
  try {
    const message = JSON.parse(raw) as { content?: unknown; user_id?: unknown; tts_voice?: unknown };
    if (typeof message.content !== "string") return undefined;
    return {
      content: message.content,
      ...(typeof message.user_id === "string" && { user_id: message.user_id }),
      settings: typeof message.tts_voice === "string" ? { voice: message.tts_voice } : {},
    };
  } catch {
    return undefined;
  }
}

const page = readFileSync(new URL("index.html", import.meta.url));
const server = createServer((_, response) => response.setHeader("content-type", "text/html; charset=utf-8").end(page));
const chats = new WebSocketServer({ server, maxPayload: 16_384 });
let count = 0;
chats.on("connection", (chat) => {
  const user = `visitor-${++count}`;
  let last = Promise.resolve();
  // In the order of the questions, also when a later answer is ready first.
  chat.on("message", (data: Buffer) => {
    last = last.then(() => answer(chat, data.toString(), user));
  });
});
server.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
});
