import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Codecs } from "../../../src/audio/codecs.ts";
import type { AudioFormat } from "../../../src/core/audio-format.ts";
import { EventReader } from "../../../src/wyoming/event-reader.ts";
import { encodeEvent } from "../../../src/wyoming/events.ts";
import { otherThan } from "./azure.ts";
import { deliver } from "./deliver.ts";
import type { Fault, StandIn } from "./fault.ts";
import { spokenTones } from "./spoken-tones.ts";

const FORMAT: AudioFormat = { name: "pcm", sampleRateHz: 22_050 };
const SHAPE = { rate: FORMAT.sampleRateHz, width: 2, channels: 1 };
const by = { attribution: { name: "rhasspy", url: "" }, version: "1.0" };
const INFO = {
  asr: [],
  tts: [
    {
      ...{ name: "piper", installed: true, description: "A fast, local, neural text to speech engine", ...by },
      voices: [
        {
          name: "en_US-lessac-medium",
          installed: true,
          description: "lessac (medium)",
          languages: ["en_US"],
          speakers: null,
          ...by,
        },
        {
          name: "en_GB-vctk-medium",
          installed: true,
          description: null,
          languages: ["en_GB"],
          speakers: [{ name: "p239" }, { name: "p236" }],
          ...by,
        },
        {
          name: "de_DE-thorsten-high",
          installed: false,
          description: "thorsten",
          languages: ["de_DE"],
          speakers: null,
          ...by,
        },
      ],
    },
  ],
};

export type WyomingStandIn = StandIn & {
  readonly asked: readonly Readonly<Record<string, unknown>>[];
  /** Data within the line, as the first versions of the protocol had it. */
  inline: boolean;
};

/**
 * A Wyoming text-to-speech server on a free local port, as wyoming-piper answers. Its events are written by the gateway's own
 * Wyoming server's code, which was held against the reference library, not by the client's that it is to test.
 */
export async function wyomingStandIn(): Promise<WyomingStandIn> {
  const seen = { calls: 0, cancelled: 0, connections: 0, fault: undefined as Fault | undefined };
  const asked: Readonly<Record<string, unknown>>[] = [];
  const open = new Set<Socket>();
  const codecs = new Codecs();
  const server = createServer((socket) => {
    seen.connections++;
    open.add(socket);
    const reader = new EventReader({ maxEventBytes: 1 << 20, maxPayloadBytes: 1 << 20 });
    socket.on("error", () => {}).on("close", () => open.delete(socket));
    socket.on("data", (bytes) => {
      for (const { type, data } of reader.read(bytes)) {
        if (type === "describe") socket.write(written("info", INFO));
        if (type === "synthesize") speak(socket, data, seen.fault).catch(() => socket.destroy());
      }
    });
  });
  const written = (type: string, data?: Readonly<Record<string, unknown>>, payload?: Uint8Array): Buffer => {
    if (!standIn.inline) return encodeEvent(type, data, payload);
    const line = { type, ...(data && { data }), ...(payload && { payload_length: payload.byteLength }) };
    return Buffer.concat([Buffer.from(`${JSON.stringify(line)}\n`), payload ?? Buffer.alloc(0)]);
  };

  async function speak(
    socket: Socket,
    data: Readonly<Record<string, unknown>>,
    fault: Fault | undefined,
  ): Promise<void> {
    seen.calls++;
    asked.push(data);
    const { text, voice } = data as { text: string; voice: { name: string; speaker?: string } };
    const gone = new AbortController();
    const left = (): void => {
      seen.cancelled++;
      gone.abort();
    };
    socket.on("close", left);
    if (fault?.kind === "hang") return;
    if (fault?.kind === "status") {
      socket.off("close", left);
      socket.end(written("error", { text: "as asked for", code: `error-${fault.status}` }));
      return;
    }
    socket.write(written("audio-start", SHAPE));
    const format = fault?.kind === "wrong-format" ? otherThan({ ...FORMAT, name: "wav" }) : FORMAT;
    const ending = await deliver({
      fault,
      signal: gone.signal,
      make: (what) => spokenTones({ text, voice: JSON.stringify(voice), format, silent: what === "silence" }, codecs),
      async send(audio) {
        if (!socket.write(written("audio-chunk", SHAPE, audio)))
          await Promise.race([once(socket, "drain"), once(socket, "close")]);
      },
    });
    if (ending === "gone" || ending === "hang") return;
    socket.off("close", left);
    if (ending === "cut") socket.destroySoon();
    else socket.write(written("audio-stop")); // and stays open for more, as the real one does
  }

  const listen = async (port: number): Promise<number> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  const stop = async (): Promise<void> => {
    const ended = server.listening ? once(server, "close") : undefined;
    if (ended) server.close();
    for (const socket of open) socket.destroy();
    await ended;
  };
  const port = await listen(0);
  const standIn: WyomingStandIn = {
    url: `tcp://127.0.0.1:${port}`,
    asked,
    inline: false,
    async fault(fault) {
      seen.fault = fault;
      if (fault?.kind === "refuse") await stop();
      else if (!server.listening) await listen(port);
    },
    get calls() {
      return seen.calls;
    },
    get cancelled() {
      return seen.cancelled;
    },
    get connections() {
      return seen.connections;
    },
    close: stop,
  };
  return standIn;
}
