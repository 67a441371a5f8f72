import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { describeSpeechEngine } from "../../test/conformance/speech-engine.ts";
import type { StandIn } from "../../test/support/stand-ins/fault.ts";
import { piperStandIn } from "../../test/support/stand-ins/piper.ts";
import { piperEngine } from "./piper.ts";

const servers: StandIn[] = [];
describeSpeechEngine(
  "piper",
  async () => {
    const server = await piperStandIn();
    servers.push(server);
    const engine = piperEngine({ name: "piper", baseUrl: server.url });
    return { ...engine, close: () => Promise.all(servers.splice(0).map((each) => each.close())).then(() => undefined) };
  },
  { voice: "en_US-lessac-medium", deterministic: true, unknownVoiceCodes: ["engine_rejected"] },
);

describe("piperEngine()", () => {
  it("voices() reads the language from a model's name", async () => {
    const server = await piperStandIn();
    const voices = await piperEngine({ name: "p", baseUrl: server.url }).voices({
      signal: new AbortController().signal,
    });
    await server.close();
    expect(voices).toEqual([
      { id: "en_US-lessac-medium", name: "lessac", language: "en-US", engine: "p" },
      { id: "de_DE-thorsten-medium", name: "thorsten", language: "de-DE", engine: "p" },
    ]);
  });

  it("is what docs/adding-an-engine.md shows, in under 100 lines", () => {
    const code = readFileSync(new URL("./piper.ts", import.meta.url), "utf8");
    const page = readFileSync(new URL("../../../../docs/adding-an-engine.md", import.meta.url), "utf8");
    expect(page).toContain(`\`\`\`ts\n${code}\`\`\``);
    expect(code.split("\n").length).toBeLessThan(100);
  });
});
