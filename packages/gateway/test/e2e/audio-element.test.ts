import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { hashKey } from "../../src/identity/api-key.ts";
import { findChromium, launchBrowser, openPage } from "../support/browser.ts";
import { bytesOf, type RunningGateway, runGateway } from "../support/gateway.ts";
import { type StandInEngine, standInEngine } from "../support/stand-in-engine.ts";

const hasBrowser = findChromium() !== undefined;
if (!hasBrowser) console.warn("the audio element is not tested: no chromium on PATH (apt-get install chromium)");

const KEY = "the-key-that-no-page-has";
/** What came over the wire, or out of the browser's own cache. */
type Answer = { readonly status: number; readonly cached: boolean; readonly range: string | undefined };

describe.skipIf(!hasBrowser)("an audio element with a signed link", () => {
  const directory = mkdtempSync(join(tmpdir(), "mynah-element-"));
  let browser: Browser;
  let engine: StandInEngine;
  let gateway: RunningGateway;

  beforeAll(async () => {
    writeFileSync(join(directory, "index.html"), `<!doctype html><title>Play</title><link rel="icon" href="data:,">`);
    engine = standInEngine({ durationMsPerChar: 50 });
    const keys = [{ hash: hashKey(KEY), user: "shop" }];
    const config = { keys, signingSecret: "a secret that is long enough" };
    [browser, gateway] = await Promise.all([
      launchBrowser(),
      runGateway(config, { engines: [engine], pageDirectory: directory }),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  async function link(body: Record<string, unknown>): Promise<string> {
    const answer = await fetch(`${gateway.url}/v1/speech/links`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${KEY}` },
      body: JSON.stringify({ voice: "one", ...body }),
    });
    return ((await answer.json()) as { url: string }).url;
  }

  /** A page, and every answer that its links get. */
  async function open(
    context?: BrowserContext,
  ): Promise<{ page: Page; answers: Answer[]; complaints: readonly string[] }> {
    const watched = context ? { page: await context.newPage(), complaints: [] } : await openPage(browser);
    const { page } = watched;
    if (!context) onTestFinished(() => page.context().close());
    const answers: Answer[] = [];
    const wire = await page.context().newCDPSession(page);
    await wire.send("Network.enable");
    wire.on("Network.responseReceived", ({ response }) => {
      if (!response.url.includes("/v1/speech?")) return;
      const range = Object.entries(response.headers).find(([name]) => name.toLowerCase() === "content-range")?.[1];
      answers.push({ status: response.status, cached: response.fromDiskCache === true, range });
    });
    await page.goto(gateway.url);
    return { page, answers, complaints: watched.complaints };
  }

  const load = (page: Page, src: string, preload: "auto" | "metadata" = "auto") =>
    page.evaluate(
      async ({ src, preload }) => {
        const audio = document.body.appendChild(document.createElement("audio"));
        audio.preload = preload;
        await new Promise<void>((resolve, reject) => {
          audio.onloadedmetadata = () => resolve();
          audio.onerror = () => reject(new Error(audio.error?.message));
          audio.src = src;
        });
        return audio.duration;
      },
      { src, preload },
    );

  /** Plays from the middle on, for a while; where the element then is, in seconds. */
  const playFrom = (page: Page, seconds: number) =>
    page.evaluate(async (from) => {
      const audio = document.querySelector("audio")!;
      await new Promise((resolve) => {
        audio.onseeked = resolve;
        audio.currentTime = from;
      });
      await audio.play();
      while (audio.currentTime < from + 0.2) await new Promise((resolve) => setTimeout(resolve, 20));
      audio.pause();
      return audio.currentTime;
    }, seconds);

  it.each(["mp3", "opus", "wav", "flac"])("plays %s to its end while it is made", async (format) => {
    const { page, answers, complaints } = await open();
    const url = await link({ text: `As ${format}, live.`, format });
    await load(page, url);
    const end = await page.evaluate(async () => {
      const audio = document.querySelector("audio")!;
      const ended = new Promise((resolve) => {
        audio.onended = resolve;
      });
      await audio.play();
      await ended;
      return audio.currentTime;
    });
    expect(end).toBeGreaterThan(0.6);
    expect(end).toBeLessThan(1.3);
    expect(answers.map(({ status }) => status)).toEqual(expect.arrayContaining([200]));
    expect(complaints).toEqual([]);
  });

  it("knows its length and seeks, also where nothing was loaded yet, and asks the engine once", async () => {
    const { page, answers, complaints } = await open();
    const text = "This goes on and on, for nobody could say it in one breath, and it is not over yet. ".repeat(40);
    const url = await link({ text, format: "wav", seekable: true });
    const calls = engine.calls;
    const seconds = await load(page, url, "metadata");
    expect(seconds).toBeGreaterThan(150);
    const made = engine.calls - calls;
    expect(await playFrom(page, seconds - 20)).toBeGreaterThan(seconds - 20);
    expect(await playFrom(page, 30)).toBeGreaterThan(30);
    const parts = answers.filter(({ status }) => status === 206);
    expect(parts.length).toBeGreaterThan(0);
    expect(parts.some(({ range }) => !range?.startsWith("bytes 0-"))).toBe(true);
    expect(engine.calls - calls).toBe(made);
    expect(complaints).toEqual([]);
  });

  it("costs nothing the second time: from the browser's cache, or 304 when the listener presses reload", async () => {
    const { page } = await open();
    const url = await link({ text: "Once and again.", format: "mp3", seekable: true });
    await load(page, url);
    await expect.poll(() => page.evaluate(() => document.querySelector("audio")!.readyState)).toBe(4);
    const calls = engine.calls;
    const again = await open(page.context());
    await load(again.page, url);
    expect(await playFrom(again.page, 0.1)).toBeGreaterThan(0.1);
    expect(again.answers.length).toBeGreaterThan(0);
    expect(again.answers.every(({ cached, status }) => cached || status === 304)).toBe(true);
    // As on a reload: what the browser has must be looked at again.
    const wire = await again.page.context().newCDPSession(again.page);
    const statuses: number[] = [];
    wire.on("Network.responseReceivedExtraInfo", ({ statusCode }) => statuses.push(statusCode));
    await wire.send("Network.enable");
    const sizes = await again.page.evaluate(async (src) => {
      const read = async (cache: RequestCache) => (await (await fetch(src, { cache })).arrayBuffer()).byteLength;
      return [await read("reload"), await read("no-cache")];
    }, url);
    await expect.poll(() => statuses).toEqual([200, 304]);
    expect(sizes[1]).toBe(sizes[0]);
    expect(engine.calls).toBe(calls);
  });

  it("says nothing else: an altered link is an error of the element", async () => {
    const { page } = await open();
    const altered = new URL(await link({ text: "What was agreed." }));
    altered.searchParams.set("text", "What was not.");
    await expect(load(page, altered.href)).rejects.toThrow();
    expect((await bytesOf(await fetch(altered))).toString()).toContain("link_invalid");
  });
});
