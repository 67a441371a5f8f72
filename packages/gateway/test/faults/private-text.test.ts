import { Redis } from "ioredis";
import { expect, it } from "vitest";
import { postSpeech, runGateway } from "../support/gateway.ts";
import { startRedis } from "../support/redis-process.ts";

it("nothing that was spoken can be read in Redis, neither stored nor live", async () => {
  const redis = await startRedis({ args: ["--rdbcompression", "no"] }); // so that a dump can be read
  const client = new Redis(redis.url);
  const { url, close } = await runGateway({ redisUrl: redis.url });
  const spoken = "Supercalifragilistic secrets belong to Rumpelstiltskin.";
  await (await postSpeech({ url }, { input: spoken, response_format: "opus" })).arrayBuffer();
  await expect.poll(() => client.keys("tts:audio:*"), { timeout: 5_000 }).toHaveLength(1);

  const keys = await client.keys("*");
  const dumps = await Promise.all(
    keys.map(async (key) => `${key} ${(await client.dumpBuffer(key))?.toString("latin1")}`),
  );
  const everything = dumps.join("\n");
  expect(everything.includes('"engine":"flite"')).toBe(true); // what there is to read can be read
  for (const word of ["Supercalifragilistic", "secrets", "belong", "Rumpelstiltskin"]) {
    expect(everything.includes(word)).toBe(false);
  }
  await close();
  client.disconnect();
  await redis.stop();
});
