/** The official OpenAI SDK, pointed at Mynah.   node examples/openai-sdk.ts */
import { writeFile } from "node:fs/promises";
import OpenAI from "openai";

const { MYNAH_URL = "http://127.0.0.1:8080", MYNAH_API_KEY = "any" } = process.env;
const openai = new OpenAI({ baseURL: `${MYNAH_URL}/v1`, apiKey: MYNAH_API_KEY }); // the one line that changes

const speech = await openai.audio.speech.create({ model: "tts-1", voice: "nova", input: "Hello from the OpenAI SDK." });
const audio = new Uint8Array(await speech.arrayBuffer());
await writeFile("openai.mp3", audio);
console.log(`openai.mp3: ${audio.length} bytes, ${speech.headers.get("cache-status")}`);
