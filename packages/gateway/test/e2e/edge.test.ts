import { describe, expect, it } from "vitest";
import { decodeWithFfmpeg, hasTool, levelAt, probe } from "../support/audio-decode.ts";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { edgeStandIn } from "../support/stand-ins/edge.ts";

const decodes = hasTool("ffmpeg") && hasTool("ffprobe");

describe("An Edge engine from the config", () => {
  it.skipIf(!decodes)(
    "speaks in its own MP3 and in other formats, under OpenAI's names and its own, once each",
    async () => {
      const server = await edgeStandIn();
      const gateway = await runGateway({ engines: [{ name: "edge", type: "edge", baseUrl: server.url }] });
      const input = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"; // 206 Hz
      const voice = "en-US-EmmaMultilingualNeural";
      const ask = (response_format: string) => postSpeech(gateway, { input, voice, response_format });
      const mp3 = await ask("mp3");
      expect([mp3.status, mp3.headers.get("mynah-engine"), mp3.headers.get("mynah-voice")]).toEqual([
        200,
        "edge",
        voice,
      ]);
      const bytes = await bytesOf(mp3);
      expect(probe(bytes)).toMatchObject({ codec: "mp3", sampleRateHz: 24_000, channels: 1 });
      expect(levelAt(decodeWithFfmpeg(bytes, "mp3"), 206)).toBeGreaterThan(0.15);
      expect(levelAt(decodeWithFfmpeg(await bytesOf(await ask("opus")), "opus"), 206)).toBeGreaterThan(0.15);
      expect(await bytesOf(await ask("mp3"))).toEqual(bytes);
      expect(server.calls).toBe(1);
      expect((await postSpeech(gateway, { input: "Something else.", voice: "onyx" })).status).toBe(200);
      expect(server.asked.at(-1)).toMatchObject({ voice: "en-GB-RyanNeural", text: "Something else." });
      await gateway.close({ graceMs: 0 });
      await server.close();
    },
  );
});
