import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { expect, it } from "vitest";
import { forPeople } from "../../src/observe/terminal-log.ts";
import { bytesOf, postSpeech, runGateway } from "../support/gateway.ts";
import { connectSocket } from "../support/socket-client.ts";
import { standInEngine } from "../support/stand-in-engine.ts";

const WORDS = ["Supercalifragilistic", "Rumpelstiltskin", "Zaphod"];
const TEXT = `${WORDS[0]} secrets belong to ${WORDS[1]}. And so says ${WORDS[2]}.`;

it("nothing that is spoken is in logs or metrics, whatever goes well or wrong, at any level", async () => {
  const lines: string[] = [];
  const logger = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
  const engine = standInEngine({ words: true });
  const gateway = await runGateway({ rateLimitPerMinute: 20 }, { engines: [engine], logger });
  const { url } = gateway;
  const say = (body: Record<string, unknown> | string, headers?: Record<string, string>) =>
    postSpeech({ url }, body, headers && { headers })
      .then(bytesOf)
      .catch(() => undefined); // some are cut
  const asked = { input: TEXT, voice: "one" };

  await say(asked); // a miss
  await sleep(50);
  await say(asked); // a hit
  await say({ ...asked, response_format: "wav" });
  await bytesOf(await fetch(`${url}/v1/speech?voice=one&text=${encodeURIComponent(TEXT)}`));
  await bytesOf(await fetch(`${url}/v1/speech/${encodeURIComponent(TEXT)}?text=${encodeURIComponent(TEXT)}`));
  await say(`{"input": "${TEXT}", "voice": `); // not JSON
  await say({ ...asked, [TEXT]: 1 }); // unknown field
  await say({ ...asked, voice: "nobody" });
  await say({ ...asked, response_format: TEXT });
  await say(asked, { "cache-control": "only-if-cached, no-store" });
  const socket = await connectSocket({ url });
  socket.send({ type: "speak", id: "a", text: TEXT, voice: "one", format: "pcm" });
  await socket.message("done");
  socket.send({ type: "speak", id: "b", text: TEXT, voice: TEXT });
  await socket.message("error");
  socket.socket.send(`{"type": "speak", "text": "${TEXT}`);
  await socket.message("error", ({ id }) => id === undefined);
  socket.socket.close();
  engine.script.failAfterBytes = 0;
  await say({ ...asked, input: `${TEXT} It fails at once.` });
  engine.script.failAfterBytes = 9_600;
  await say({ ...asked, input: `It breaks off in the middle of ${TEXT}` });
  const leaving = new AbortController();
  engine.script.hang = true;
  const left = postSpeech({ url }, { ...asked, input: `Nobody waits for ${TEXT}` }, { signal: leaving.signal });
  await expect.poll(() => engine.active).toBeGreaterThan(0);
  leaving.abort();
  await left.catch(() => {});
  for (let n = 0; n < 20; n++) await say(asked); // refused at last
  const metrics = await (await fetch(`${url}/metrics`)).text();
  await gateway.close({ graceMs: 100 });

  const entries = lines.map((line) => JSON.parse(line) as { msg: string; level: number });
  for (const told of ["speech delivered", "speech refused", "speech failed", "request answered with an error"])
    expect(entries.map(({ msg }) => msg)).toContain(told);
  const everything = `${lines.join("\n")}\n${lines.map(forPeople).join("\n")}\n${metrics}`;
  for (const word of WORDS) expect(everything.includes(word)).toBe(false);
});

it("a request is one line at info, and it says which", async () => {
  const lines: { msg: string; requestId: string; code?: string; route?: string }[] = [];
  const logger = pino({ level: "info" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const engine = standInEngine();
  const { url } = await runGateway({ rateLimitPerMinute: 2 }, { engines: [engine], logger });
  const ask = async (id: string, body: object = {}) =>
    bytesOf(await postSpeech({ url }, { input: "Hello.", voice: "one", ...body }, { headers: { "x-request-id": id } }));
  await ask("miss");
  await ask("unknown-voice", { voice: "nobody" });
  engine.script.failAfterBytes = 0;
  await ask("failed", { input: "Nobody says it." });
  await ask("refused");
  await ask("invalid", { input: 5 });
  await fetch(`${url}/nowhere?text=x`, { headers: { "x-request-id": "lost" } });
  const of = (id: string) => lines.filter(({ requestId }) => requestId === id).map(({ msg, code }) => [msg, code]);
  expect(of("miss")).toEqual([["speech delivered", undefined]]);
  expect(of("unknown-voice")).toEqual([["speech failed", "voice_not_found"]]);
  expect(of("failed")).toEqual([["speech failed", "engines_unavailable"]]);
  expect(of("refused")).toEqual([["speech refused", undefined]]);
  expect(of("invalid")).toEqual([["request answered with an error", "invalid_request"]]);
  expect(of("lost")).toEqual([["request answered with an error", "not_found"]]);
  expect(lines.find(({ requestId }) => requestId === "lost")?.route).toBe("none");
});
