import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "../../packages/client/src/index.ts";

/** What assistants say: a few openings again and again, and details that are new each time. */
const OPENINGS = [
  "Thank you for calling.",
  "Your order is on its way.",
  "I have found three trains for you.",
  "The meeting starts at nine.",
  "Let me check that for you.",
  "Good morning!",
  "Your table is ready.",
  "The gate has changed.",
];
const FORMATS = ["mp3", "opus", "mp3", "aac", "opus", "wav"];
const VOICES = ["alloy", "slt", "flite/rms", "flite/awb", "harbour"];
const USERS = 10;

export type Load = { stop(): Promise<void> };

/** Many users who ask as users do, over HTTP and over sockets, and one who asks too much. */
export function driveLoad(url: string): Load {
  const stopping = new AbortController();
  const { signal } = stopping;
  const sockets = Array.from({ length: 5 }, () => connect({ baseUrl: url }));
  const users = Array.from({ length: USERS }, (_, n) => user(url, n, signal));
  const talkers = sockets.map(async (socket, n) => {
    for (let turn = 0; !signal.aborted; turn++) {
      const text = `${pick(OPENINGS, turn * 3 + n)} ${turn % 4 === 0 ? `That is number ${turn} of ${n}.` : ""}`;
      await socket.speak({ text, voice: "alloy", format: "opus", user: `talker-${n}` }).done.catch(() => {});
      await pause(700 + 130 * n, signal);
    }
  });
  return {
    async stop() {
      stopping.abort();
      await Promise.all(sockets.map((socket) => socket.close()));
      await Promise.allSettled([...users, ...talkers]);
    },
  };
}

async function user(url: string, n: number, signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn++) {
    const greedy = n === 0;
    const fresh = turn % 3 === 0 && !greedy;
    // The hour has its quiet times: the load goes up and down within a minute and a half.
    const wave = 1 + Math.sin(Date.now() / 14_000 + n / 5);
    const body = {
      ...{ model: "tts-1", user: `user-${n}`, voice: pick(VOICES, turn + n), response_format: pick(FORMATS, turn) },
      input: `${pick(OPENINGS, Math.floor(turn * 1.7) + n)}${fresh ? ` Ticket ${n}${turn} is yours.` : ""}`,
    };
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal,
    };
    await fetch(`${url}/v1/audio/speech`, init)
      .then((response) => response.arrayBuffer())
      .catch(() => {});
    await pause(greedy ? 90 : 250 + 700 * wave, signal);
  }
}

function pick<Item>(items: readonly Item[], at: number): Item {
  return items[at % items.length]!;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
