/** What people write: Fastify, a hash of the body as the key, base64 in Redis, a counter for a limit. About sixty lines with its engine. */
import { createHash } from "node:crypto";
import fastify from "fastify";
import { Redis } from "ioredis";
import { serveAsChild } from "./child.ts";

type Body = { readonly input: string; readonly voice: string; readonly model: string };

const LIMIT_PER_MINUTE = 1_000_000_000;
const TTL_SECONDS = 3600;
const redis = new Redis(process.env.BENCH_REDIS!);
const app = fastify({ logger: false });

app.post<{ Body: Body }>(
  "/v1/audio/speech",
  {
    schema: {
      body: {
        type: "object",
        required: ["input", "voice"],
        properties: { input: { type: "string" }, voice: { type: "string" } },
      },
    },
  },
  async (request, reply) => {
    const { input, voice } = request.body;
    const window = `limit:${request.ip}:${Math.floor(Date.now() / 60_000)}`;
    const count = await redis.incr(window);
    if (count === 1) await redis.expire(window, 60);
    if (count > LIMIT_PER_MINUTE) return reply.status(429).send({ error: "too many requests" });
    const key = `tts:${createHash("md5").update(`${voice}:${input}`).digest("hex")}`;
    const stored = await redis.get(key);
    const audio = stored === null ? synthesize() : Buffer.from(stored, "base64");
    if (stored === null) await redis.set(key, audio.toString("base64"), "EX", TTL_SECONDS);
    return reply
      .type("audio/mpeg")
      .header("x-cache", stored === null ? "miss" : "hit")
      .send(audio);
  },
);

function synthesize(): Buffer {
  return Buffer.alloc(Number(process.env.BENCH_BYTES), 7);
}

await app.listen({ port: 0, host: "127.0.0.1" });
const address = app.server.address();
serveAsChild(typeof address === "object" && address !== null ? address.port : 0);
