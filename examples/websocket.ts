/** The socket without any SDK: what goes over the wire (docs/websocket.md).   node examples/websocket.ts */
import { writeFile } from "node:fs/promises";
import { WebSocket } from "ws";

const { MYNAH_URL = "http://127.0.0.1:8080", MYNAH_API_KEY } = process.env;
const headers = MYNAH_API_KEY ? { authorization: `Bearer ${MYNAH_API_KEY}` } : {};
// A browser cannot set headers: it puts a token into the URL, `?token=…`, from `POST /v1/speech/tokens`.
const socket = new WebSocket(`${MYNAH_URL.replace("http", "ws")}/v1/speech/ws`, ["mynah.v1"], { headers });
socket.binaryType = "arraybuffer";

const say = (message: object): void => socket.send(JSON.stringify(message));
const audio: Uint8Array[] = [];

socket.onmessage = async ({ data }) => {
  if (data instanceof ArrayBuffer) {
    // Four bytes say which utterance it belongs to; there is only one here.
    audio.push(new Uint8Array(data, 4));
    return;
  }
  const message = JSON.parse(String(data)) as { type: string };
  console.log(String(data));
  if (message.type === "ready") {
    say({ type: "append", id: "1", text: "Words may be cut any", voice: "alloy", format: "mp3", words: true });
    say({ type: "append", id: "1", text: "where. They are spoken as sentences." });
    say({ type: "end", id: "1" });
  }
  if (message.type === "error") process.exitCode = 1;
  if (message.type !== "done" && message.type !== "error") return;
  socket.close();
  await writeFile("websocket.mp3", Buffer.concat(audio));
  console.log(`websocket.mp3: ${Buffer.concat(audio).length} bytes`);
};
socket.onerror = () => {
  console.error(`There is no gateway at ${MYNAH_URL}: run \`npm start\` beside this.`);
  process.exitCode = 1;
};
