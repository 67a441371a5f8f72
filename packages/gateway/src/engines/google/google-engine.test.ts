import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OAuth2Client } from "google-auth-library";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { speakWith } from "../../../test/conformance/speech-engine.ts";
import { manualClock } from "../../../test/support/manual-clock.ts";
import { type GoogleStandIn, googleStandIn } from "../../../test/support/stand-ins/google.ts";
import { systemClock } from "../../core/clock.ts";
import { type GoogleOptions, googleEngine } from "./google-engine.ts";

const VOICE = "en-US-Neural2-C";
const { signal } = new AbortController();
const folder = mkdtempSync(join(tmpdir(), "mynah-google-"));
afterAll(() => rmSync(folder, { recursive: true }));
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();

describe("googleEngine()", () => {
  let server: GoogleStandIn;
  beforeEach(async () => {
    server = await googleStandIn();
    server.publicKey = publicKey;
  });
  afterEach(() => server.close());
  const engineWith = (options: Partial<GoogleOptions>) =>
    googleEngine({ name: "google", baseUrl: server.url, clock: systemClock, ...options });
  const keyFile = (fields: Record<string, unknown> = {}): string => {
    const account = { type: "service_account", client_email: "tts@project.iam.gserviceaccount.com", private_key: pem };
    const path = join(folder, `${Math.random()}.json`);
    writeFileSync(
      path,
      JSON.stringify({ ...account, private_key_id: "k1", token_uri: `${server.url}/token`, ...fields }),
    );
    return path;
  };

  it("signs for a token as Google's own library checks it, asks for one for all, and renews it", async () => {
    const clock = manualClock(Date.now());
    const engine = engineWith({ credentials: keyFile(), clock });
    await Promise.all(["One.", "Two.", "Three."].map((text) => speakWith(engine, { voice: VOICE, text })));
    await engine.voices({ signal });
    expect(server.tokensAsked.length).toBe(1);
    const assertion = server.tokensAsked[0]!.get("assertion")!;
    const certificate = createPublicKey(pem).export({ type: "spki", format: "pem" }).toString();
    const ticket = await new OAuth2Client().verifySignedJwtWithCertsAsync(
      assertion,
      { k1: certificate },
      `${server.url}/token`,
      ["tts@project.iam.gserviceaccount.com"],
    );
    expect(ticket.getPayload()).toMatchObject({ scope: "https://www.googleapis.com/auth/cloud-platform" });
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill("Bearer ya29.token-1"));

    await clock.advance(3_400_000); // four minutes left: used once more, while a new one comes
    await speakWith(engine, { voice: VOICE, text: "Four." });
    await expect.poll(() => server.tokensAsked.length).toBe(2);
    await speakWith(engine, { voice: VOICE, text: "Five." });
    expect(server.requests.map(({ headers }) => headers.authorization?.at(-1)).slice(3)).toEqual(["1", "2"]);

    server.revoke();
    await expect(speakWith(engine, { voice: VOICE, text: "Six." })).rejects.toMatchObject({
      code: "engine_unauthorized",
    });
    await speakWith(engine, { voice: VOICE, text: "Seven." });
    expect(server.tokensAsked.length).toBe(3);
  });

  it("takes a user's credentials and those of the machine", async () => {
    const user = {
      type: "authorized_user",
      client_id: "c",
      client_secret: "s",
      refresh_token: "r",
      quota_project_id: "p",
    };
    await speakWith(engineWith({ credentials: keyFile(user) }), { voice: VOICE, text: "Hi" });
    expect(Object.fromEntries(server.tokensAsked[0]!)).toMatchObject({
      grant_type: "refresh_token",
      refresh_token: "r",
    });
    expect(server.requests[0]?.headers["x-goog-user-project"]).toBe("p");
    await speakWith(engineWith({ credentials: "metadata", metadataUrl: server.url }), { voice: VOICE, text: "Hi" });
    expect(server.tokensAsked.length).toBe(2);
  });

  it("says what is wrong with credentials, and nothing that is in them", async () => {
    const broken = [
      keyFile({ private_key: "my secret" }),
      keyFile({ type: "external_account" }),
      keyFile({ client_email: "" }),
      join(folder, "none.json"),
    ];
    for (const credentials of broken)
      expect(() => engineWith({ credentials })).toThrow(/^engine "google": credentials: /);
    expect(() => engineWith({ credentials: broken[0]! })).not.toThrow(/secret/);
    server.publicKey = createPublicKey(generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey);
    const error = await speakWith(engineWith({ credentials: keyFile() }), { voice: VOICE }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      code: "engine_unauthorized",
      message: "google's credentials are not taken (invalid_grant)",
    });
    await server.fault({ kind: "status", status: 503 });
    await expect(engineWith({ credentials: keyFile() }).voices({ signal })).rejects.toMatchObject({
      code: "engine_failed",
    });
    await server.fault({ kind: "refuse" });
    await expect(engineWith({ credentials: keyFile() }).voices({ signal })).rejects.toMatchObject({
      code: "engine_failed",
    });
  });

  it("lets a caller leave who waits for a token that others wait for too", async () => {
    const gate = new AbortController();
    const engine = engineWith({ credentials: keyFile() });
    const leaving = speakWith(engine, { voice: VOICE }, gate.signal);
    const staying = speakWith(engine, { voice: VOICE });
    gate.abort(new Error("gone"));
    await expect(leaving).rejects.toThrow("gone");
    expect((await staying).durationMs).toBeGreaterThan(4000);
    expect(server.tokensAsked.length).toBe(1);
  });

  it("asks for what was asked for, and nothing else", async () => {
    const key = { apiKey: "k" };
    await speakWith(engineWith(key), { voice: "de-DE-Wavenet-B", text: "R&D <b>", speed: 1.5, language: "de" });
    await speakWith(engineWith({ ...key, model: "gemini-2.5-flash-tts", outputFormat: "MP3" }), {
      ...{ voice: "Kore", text: "Hallo", language: "de-DE", instructions: "Whisper." },
    });
    const words = engineWith({ ...key, words: true });
    const marked = await speakWith(words, { voice: VOICE, text: "Don't <stop> at 3.5 & go." });
    const unmarked = await speakWith(words, { voice: "en-US-Chirp3-HD-Kore", text: "No marks." });
    expect(marked.words?.map(({ text, startMs, endMs }) => [text, startMs, endMs])).toEqual([
      ["Don't", 0, 420],
      ["stop", 420, 780],
      ["at", 780, 960],
      ["3.5", 960, 1320],
      ["go", 1320, 1440],
    ]);
    expect(unmarked.words).toBeUndefined();
    const audioConfig = { audioEncoding: "LINEAR16", sampleRateHertz: 24_000 };
    expect(server.requests.slice(0, 2).map(({ body }) => body)).toEqual([
      {
        input: { text: "R&D <b>" },
        voice: { languageCode: "de-DE", name: "de-DE-Wavenet-B" },
        audioConfig: { ...audioConfig, speakingRate: 1.5 },
      },
      {
        input: { text: "Hallo", prompt: "Whisper." },
        voice: { languageCode: "de-DE", name: "Kore", modelName: "gemini-2.5-flash-tts" },
        audioConfig: { ...audioConfig, audioEncoding: "MP3" },
      },
    ]);
    expect(server.requests.map(({ path }) => path.split("/")[1])).toEqual(["v1", "v1", "v1beta1", "v1"]);
  });

  it("says phonemes in SSML, marked as one word each, and names the voices that take none", async () => {
    const text = "An R&D <lab>, Los Angeles.";
    const phonemes = [
      { from: 3, to: 6, alphabet: "x-sampa", phonemes: 'A:"' },
      { from: 14, to: 25, alphabet: "ipa", phonemes: "lɔs ˈændʒələs" },
    ];
    const ask = { voice: VOICE, text, phonemes };
    await speakWith(engineWith({ apiKey: "k" }), ask);
    const { words } = await speakWith(engineWith({ apiKey: "k", words: true }), ask);
    expect(words?.map((word) => word.text)).toEqual(["An", "R&D", "lab", "Los Angeles"]);
    const [first, second] = ['<phoneme alphabet="x-sampa" ph="A:&quot;">R&amp;D</phoneme>', "lɔs ˈændʒələs"];
    const last = `<phoneme alphabet="ipa" ph="${second}">Los Angeles</phoneme>`;
    expect(server.requests.map(({ path, body }) => [path.split("/")[1], (body as { input: unknown }).input])).toEqual([
      ["v1", { ssml: `<speak>An ${first} &lt;lab&gt;, ${last}.</speak>` }],
      [
        "v1beta1",
        {
          ssml: `<speak><mark name="0"/>An <mark name="1"/>${first} &lt;<mark name="2"/>lab&gt;, <mark name="3"/>${last}<mark name="end"/>.</speak>`,
        },
      ],
    ]);
    const { exceptVoices } = engineWith({ apiKey: "k" }).capabilities.phonemes!;
    expect([VOICE, "en-US-Chirp3-HD-Kore"].map((voice) => exceptVoices?.test(voice))).toEqual([false, true]);
    expect(engineWith({ apiKey: "k", model: "gemini-2.5-flash-tts" }).capabilities.phonemes).toBeUndefined();
  });

  it("voices() lists the voices of the model, or those without one", async () => {
    const listed = async (options: Partial<GoogleOptions>) =>
      engineWith({ apiKey: "k", ...options }).voices({ signal });
    expect(await listed({})).toContainEqual({
      ...{ id: VOICE, name: "Neural2 C", language: "en-US", gender: "female", engine: "google" },
    });
    expect(await listed({ model: "gemini-2.5-flash-tts" })).toEqual([
      { id: "Kore", name: "Kore", language: "en-US", languages: ["de-DE"], gender: "female", engine: "google" },
    ]);
    await expect(listed({ apiKey: "wrong" })).rejects.toMatchObject({
      ...{ code: "engine_unauthorized", message: "google does not take our key (API_KEY_INVALID)" },
    });
  });
});
