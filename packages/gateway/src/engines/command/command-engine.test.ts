import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { describeSpeechEngine, peakOf, requestOf, speakWith } from "../../../test/conformance/speech-engine.ts";
import { hasTool } from "../../../test/support/audio-decode.ts";
import type { SpeechEngine } from "../../core/ports.ts";
import { type CommandOptions, createCommandEngine } from "./command-engine.ts";

const PROGRAM = fileURLToPath(new URL("../../../test/fixtures/tone-program.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "mynah-command-"));
afterAll(() => rmSync(folder, { recursive: true }));

const TONES: CommandOptions = {
  name: "tones",
  command: process.execPath,
  args: [PROGRAM, "--voice={voice}", "--speed={speed}"],
  format: "pcm",
  sampleRateHz: 16_000,
  voices: [
    { id: "a", gender: "female" },
    { id: "b", language: "de-DE", name: "Bee" },
  ],
  maxConcurrent: 2,
  maxQueued: 100,
};
const engines: SpeechEngine[] = [];
async function engineWith(options: Partial<CommandOptions> = {}): Promise<SpeechEngine> {
  const engine = (await createCommandEngine({ ...TONES, ...options }))!;
  engines.push(engine);
  return engine;
}
afterAll(() => Promise.all(engines.map((engine) => engine.close())));

describeSpeechEngine("command (a node script, PCM)", () => engineWith(), {
  voice: "a",
  deterministic: true,
  unknownVoiceCodes: ["engine_rejected"],
});

if (hasTool("espeak-ng", "--version")) {
  const espeak: Partial<CommandOptions> = {
    name: "says",
    command: "espeak-ng",
    sampleRateHz: 22_050,
    format: "wav",
    voices: [{ id: "en-us" }, { id: "de", language: "de" }],
  };
  const args = ["--stdout", "-v", "{voice}", "-s", "{wordsPerMinute}", "-b", "1"];
  const traits = { voice: "en-us", deterministic: true, unknownVoiceCodes: ["engine_rejected"] };
  describeSpeechEngine(
    "command (espeak-ng by stdin)",
    () => engineWith({ ...espeak, args: [...args, "--stdin"] }),
    traits,
  );
  describeSpeechEngine(
    "command (espeak-ng by argument)",
    () => engineWith({ ...espeak, args: [...args, "{text}"], input: "argument" }),
    traits,
  );
}

type Told = { pid: number; args: string[]; text: string; env: Record<string, string> };
const told = (file: string): Told => JSON.parse(readFileSync(file, "utf8")) as Told;
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z "); // a zombie of the test machine's init is dead
  } catch {
    return false;
  }
};
async function until(condition: () => boolean): Promise<void> {
  for (let n = 0; !condition(); n++) {
    if (n > 2_000) throw new Error("waited in vain");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
let files = 0;
const misbehaving = async (what: string, options: Partial<CommandOptions> = {}) => {
  const file = join(folder, `told-${files++}`);
  const engine = await engineWith({ args: [PROGRAM, `--do=${what}`, `--tell=${file}`], killGraceMs: 50, ...options });
  return { engine, file };
};

describe("createCommandEngine()", () => {
  const { signal } = new AbortController();

  it("is undefined where there is no such program, or it may not be run", async () => {
    expect(await createCommandEngine({ ...TONES, command: "no-such-program" })).toBeUndefined();
    expect(await createCommandEngine({ ...TONES, command: folder })).toBeUndefined();
    expect(await createCommandEngine({ ...TONES, command: PROGRAM })).toBeUndefined();
    expect(await createCommandEngine({ ...TONES, command: "node", env: { PATH: "/nowhere" } })).toBeUndefined();
  });

  it("passes text, voice and settings on as they are, to no shell and as no option", async () => {
    const text = `-x $(touch ${folder}/owned) ; "quoted" 'too' {voice} \u0000 é`;
    const spoken = text.replace("\u0000", " ");
    for (const [input, args] of [
      ["stdin", []],
      ["argument", ["{text}"]],
      ["argument", ["--", "{text}"]],
      ["file", ["--file={file}"]],
    ] as const) {
      const file = join(folder, `told-${files++}`);
      const engine = await engineWith({ input, args: [PROGRAM, `--tell=${file}`, "--voice={voice}", ...args] });
      await speakWith(engine, { voice: "b", text });
      const got = told(file);
      const guarded = input === "argument" && args.length === 1;
      expect(got.text, input).toBe(guarded ? ` ${spoken}` : spoken);
      expect(got.args[1]).toBe("--voice=b");
      await engine.close();
      if (input === "file") expect(existsSync(dirname(got.args[2]!.slice("--file=".length)))).toBe(false);
      expect(Object.keys(got.env).filter((name) => !name.startsWith("__"))).toEqual(
        expect.arrayContaining(["PATH", "LANG"]),
      );
      expect(Object.keys(got.env).length).toBeLessThan(5);
    }
    expect(existsSync(join(folder, "owned"))).toBe(false);
  });

  it("gives the program the environment of its entry", async () => {
    const file = join(folder, `told-${files++}`);
    const engine = await engineWith({ args: [PROGRAM, `--tell=${file}`], env: { MODEL: "x" } });
    await speakWith(engine, { voice: "a", text: "Hi." });
    expect(told(file).env).toMatchObject({ MODEL: "x", LANG: "C.UTF-8" });
  });

  it.each([
    ["fail-first,complain", "engine_failed", "tones ended with 3", / the end of it$/],
    ["half", "engine_failed", "tones ended with 4", /^$/],
    ["nothing,complain", "engine_no_audio", "tones wrote no audio", / the end of it$/],
  ])("takes a program that does %s for a failure", async (what, code, message, complaint) => {
    const { engine } = await misbehaving(what);
    const error = (await speakWith(engine, { voice: "a" }).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ code, message });
    expect((error.cause as Error).message).toMatch(complaint);
    expect((error.cause as Error).message.length).toBeLessThanOrEqual(2048);
  });

  it("takes a file that is no program for a failure, and other formats than it was told", async () => {
    const broken = await engineWith({ command: "/bin/sh", args: ["-c", "exec /no/such/file"] });
    await expect(speakWith(broken, { voice: "a" })).rejects.toMatchObject({ code: "engine_failed" });
    const wav = await engineWith({ format: "wav" });
    await expect(speakWith(wav, { voice: "a" })).rejects.toMatchObject({
      code: "engine_failed",
      message: "tones gives something else where wav is expected",
    });
  });

  it("takes a program that cannot be started for a failure, and gives its place back", async () => {
    const file = join(folder, "no-interpreter");
    writeFileSync(file, "#!/no/such/interpreter\n", { mode: 0o755 });
    const engine = await engineWith({ command: file, maxConcurrent: 1 });
    for (let n = 0; n < 3; n++)
      await expect(speakWith(engine, { voice: "a" })).rejects.toMatchObject({
        code: "engine_failed",
        message: "tones could not be started",
      });
    await engine.close();
  });

  it("says only what it can: its speeds, its voices", async () => {
    const plain = await engineWith({ args: [PROGRAM] });
    expect(plain.capabilities.speed).toEqual({ min: 1, max: 1 });
    const voices = await plain.voices({ signal });
    expect(voices).toEqual([
      { id: "a", name: "a", language: "en", gender: "female", engine: "tones" },
      { id: "b", name: "Bee", language: "de-DE", engine: "tones" },
    ]);
  });

  it("has another version for everything configured that is heard", async () => {
    const changes = [{}, { args: ["x"] }, { env: { A: "b" } }, { version: "2" }, { format: "wav" as const }];
    const versions = await Promise.all(changes.map(async (change) => (await engineWith(change)).version));
    expect(new Set(versions).size).toBe(changes.length);
  });

  it.each(["hang", "hang,deaf", "hang,child", "hang,deaf,child"])(
    "ends a program that does %s when its caller leaves, with all that it started",
    async (what) => {
      const { engine, file } = await misbehaving(what);
      const gate = new AbortController();
      const reason = new Error("barge-in");
      const error = await (async () => {
        for await (const { audio } of engine.synthesize(requestOf({ voice: "a" }), { signal: gate.signal }))
          if (audio) gate.abort(reason);
      })().catch((thrown: unknown) => thrown);
      expect(error).toBe(reason);
      const { pid } = told(file);
      await until(() => !isAlive(pid));
      if (what.includes("child")) await until(() => !isAlive(Number(readFileSync(`${file}.child`, "utf8"))));
      expect(peakOf((await speakWith(await engineWith(), { voice: "a" })).samples)).toBeGreaterThan(1000);
    },
  );

  it("kills what a program left behind", async () => {
    const { engine, file } = await misbehaving("child,fail-first");
    const gate = new AbortController();
    const speaking = speakWith(engine, { voice: "a" }, gate.signal).catch(() => {});
    await until(() => existsSync(`${file}.child`) && readFileSync(`${file}.child`, "utf8") !== "");
    gate.abort(); // it is over, but its child holds the output: only the deadline helps
    await speaking;
    await until(() => !isAlive(Number(readFileSync(`${file}.child`, "utf8"))));
  });

  it("waits for a slow reader, and for a place", async () => {
    const { engine, file } = await misbehaving("endless", { maxConcurrent: 1 });
    let bytes = 0;
    for await (const { audio } of engine.synthesize(requestOf({ voice: "a", text: "Go on." }), { signal })) {
      bytes += audio?.byteLength ?? 0;
      if (bytes > 1_000_000) break;
    }
    const { pid } = told(file);
    rmSync(file);
    for await (const { audio } of engine.synthesize(requestOf({ voice: "a", text: "Go on." }), { signal })) {
      expect(isAlive(pid)).toBe(false); // the place was free only when the first process was gone
      if (audio) break;
    }
    await engine.close();
  });

  it("close() leaves no process behind, whatever it does", async () => {
    const rigs = await Promise.all(
      ["hang", "hang,deaf", "hang,deaf,child", "endless"].map((what) => misbehaving(what)),
    );
    const speaking = rigs.map(({ engine }) => speakWith(engine, { voice: "a" }).catch((error: unknown) => error));
    await until(() => rigs.every(({ file }) => existsSync(file) && readFileSync(file, "utf8").endsWith("}}")));
    const pids = rigs.map(({ file }) => told(file).pid);
    await Promise.all(rigs.map(({ engine }) => engine.close()));
    expect(pids.filter(isAlive)).toEqual([]);
    for (const error of await Promise.all(speaking)) expect(error).toMatchObject({ name: "SpeechError" });
    await expect(speakWith(rigs[0]!.engine, { voice: "a" })).rejects.toMatchObject({ code: "shutting_down" });
  });
});
