import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { EngineConfig } from "./config.ts";
import { loadConfig, resolveConfig } from "./load.ts";

const checkEngine = (entry: EngineConfig) => entry;
const load = (env: Record<string, string>, flags = {}) => loadConfig({ env, flags, checkEngine });

function withFile(yaml: string, env: Record<string, string> = {}) {
  const file = join(mkdtempSync(join(tmpdir(), "mynah-config-")), "mynah.config.yaml");
  writeFileSync(file, yaml);
  return () => load({ ...env, MYNAH_CONFIG: file });
}

describe("loadConfig()", () => {
  it("has the documented defaults", () => {
    expect(load({}).config).toMatchObject({
      port: 8080,
      host: "127.0.0.1",
      cacheTtlSeconds: 3600,
      cacheMemoryMaxBytes: 64 * 1024 * 1024,
      compressionLevel: 6,
      rateLimitPerMinute: 30,
      rateLimitPerHour: 500,
      redisMaxConnections: 50,
      redisUrl: undefined,
    });
    expect(load({}).config).toEqual(resolveConfig());
  });

  it("reads the environment, and flags before it", () => {
    const { config } = load(
      { PORT: "9000", CACHE_MEMORY_MAX_BYTES: "1.5 MiB", REDIS_ENABLED: "no", MP3_BITRATE: "64000" },
      { port: "9001" },
    );
    expect(config).toMatchObject({
      port: 9001,
      cacheMemoryMaxBytes: 1_572_864,
      redisEnabled: false,
      mp3BitrateBps: 64_000,
    });
  });

  it("takes an empty value for one that is not set", () => {
    expect(load({ PORT: "", REDIS_URL: " " }).config).toMatchObject({ port: 8080, redisUrl: undefined });
  });

  it.each([
    [{ PORT: "http" }, /^PORT must be a whole number from 0 to 65535, for example PORT=8080; it is "http"$/],
    [{ PORT: "65536" }, /^PORT must be/],
    [{ CACHE_TTL: "-1" }, /^CACHE_TTL must be a whole number from 1 to \d+ \(s\)/],
    [{ CACHE_MEMORY_MAX_BYTES: "lots" }, /a size such as 64MiB/],
    [{ REDIS_ENABLED: "maybe" }, /^REDIS_ENABLED must be true or false/],
    [{ REDIS_URL: "localhost:6379" }, /^REDIS_URL must be a URL that begins with redis:\/\//],
    [{ LOG_LEVEL: "loud" }, /one of silent, error, warn, info, debug/],
    [{ MYNAH_CONFIG: "/no/such.yaml" }, /there is no such file/],
  ])("stops for %j with one line that says what to write", (env, message) => {
    expect(() => load(env as unknown as Record<string, string>)).toThrow(message);
  });

  it.each([
    "redis://user:p@host:6379/0",
    "rediss://host",
    "redis+sentinel://a:26379,b:26379,c:26379/mymaster",
    "redis+cluster://:secret@10.0.0.1:7000,10.0.0.2:7000",
    "rediss+cluster://a,b",
  ])("takes %s for either role of Redis", (url) => {
    const { config } = load({ REDIS_URL: url, REDIS_STATE_URL: url });
    expect([config.redisUrl, config.redisStateUrl]).toEqual([url, url]);
  });

  it("never repeats the password of a URL it refuses", () => {
    expect(() => load({ REDIS_URL: "http://user:secret@host" })).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("secret") }),
    );
  });

  it("reports names that look like ours and are not, with the one that was meant", () => {
    const { warnings } = load({ CACHE_TLL: "1", REDIS_SERVICE_HOST: "injected", TTS_CACHE_TTL: "1", PATH: "/bin" });
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain("did you mean CACHE_TTL?");
    expect(warnings[1]).toContain("its work is done by CACHE_TTL");
  });

  it("reads engines and voices from the file, with values from the environment", () => {
    const { config, warnings } = withFile(
      'engines:\n  - { name: kokoro, type: openai-compatible, apiKey: "${KEY}" }\nvoices:\n  alloy: { kokoro: af_alloy }\nkeyz: []\n',
      { KEY: "s3cret" },
    )();
    expect(config.engines).toEqual([{ name: "kokoro", type: "openai-compatible", apiKey: "s3cret" }]);
    expect(config.voices).toEqual({ alloy: { kokoro: "af_alloy" } });
    expect(warnings).toEqual([expect.stringContaining('"keyz" is not known')]);
  });

  it.each([
    ["engines: [", /mynah\.config\.yaml: /],
    ["engines: 5", /engines: /],
    ["engines:\n  - { type: flite }", /engines\.0\.name: /],
    ["engines:\n  - { name: a/b, type: flite }", /engines\.0\.name: must be letters/],
    ["engines:\n  - { name: a, type: flite }\n  - { name: a, type: flite }", /two engines are named "a"/],
    ['voices:\n  a: { b: "${NOT_SET_ANYWHERE}" }', /uses \$\{NOT_SET_ANYWHERE\}, which is not set/],
  ])("stops for the file %j", (yaml, message) => {
    expect(withFile(yaml)).toThrow(message);
  });

  it("takes an empty file for none", () => {
    expect(withFile("")().config.engines).toEqual([]);
  });
});
