import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type ConfigInput, createGateway } from "../../src/index.ts";
import { findChromium, launchBrowser, openPage, type WatchedPage } from "../support/browser.ts";

const hasBrowser = findChromium() !== undefined;
if (!hasBrowser) console.warn("the page is not tested: no chromium on PATH (apt-get install chromium)");

const pageDirectory = mkdtempSync(join(tmpdir(), "mynah-page-"));
const TEXT = "The mynah heard the word once, and said it back.";

describe.skipIf(!hasBrowser)("the page at /", () => {
  let browser: Browser;
  let gateway: Awaited<ReturnType<typeof startGateway>>;

  beforeAll(async () => {
    const configFile = fileURLToPath(new URL("../../../web/vite.config.ts", import.meta.url));
    // Not into packages/web/dist, which a running gateway may be serving.
    await build({ configFile, logLevel: "warn", build: { outDir: pageDirectory, emptyOutDir: true } });
    [browser, gateway] = await Promise.all([
      launchBrowser(),
      startGateway({ rateLimitPerMinute: 1000, rateLimitPerHour: 1000 }),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
    rmSync(pageDirectory, { recursive: true, force: true });
  });

  /** The page, loaded and ready to speak, in a context of its own. */
  async function open(options: Parameters<typeof openPage>[1] = {}, url = gateway.url): Promise<WatchedPage> {
    const watched = await openPage(browser, options);
    onTestFinished(() => watched.page.context().close());
    await watched.page.goto(url);
    await watched.page.waitForFunction(() => document.querySelectorAll("#voice option").length > 0);
    return watched;
  }

  it("loads small, complains of nothing, asks no other server and lists the voices", async () => {
    const { page, complaints, requests } = await open();
    const voices = await page.$$eval("#voice option", (options) =>
      options.map((option) => option.getAttribute("value")),
    );
    expect(voices).toContain("slt");
    expect(
      await page.$$eval("#voice optgroup", (groups) => groups.map((group) => group.getAttribute("label"))),
    ).toContain("American English · flite");
    await page.waitForSelector('#health[data-state="ready"]');
    expect(requests.filter((url) => !url.startsWith(gateway.url))).toEqual([]);
    const wire = await page.evaluate(() =>
      performance
        .getEntriesByType("resource")
        .filter((entry) => /\.(js|css|svg)$/.test(entry.name))
        .reduce((sum, entry) => sum + (entry as PerformanceResourceTiming).decodedBodySize, 0),
    );
    expect(wire).toBeGreaterThan(10_000);
    expect(wire).toBeLessThan(100_000); // before compression; a third of it with
    expect(complaints).toEqual([]);
  });

  it("speaks: a miss the first time, a hit the second, and the audio is really heard", async () => {
    const { page, complaints } = await open();
    await speak(page, { text: `${TEXT} Twice.`, format: "mp3" });
    expect(await badges(page)).toEqual(["miss"]);
    const first = await heard(page);
    expect(first.durationS).toBeGreaterThan(2);
    expect(first.durationS).toBeLessThan(8);

    await speak(page, { format: "mp3" });
    expect(await badges(page)).toEqual(["hit", "miss"]);
    const second = await heard(page);
    expect(second.durationS).toBe(first.durationS);

    expect(await page.textContent("#badge")).toBe("hit");
    expect(await fact(page, "engine")).toBe("flite");
    expect(await fact(page, "voice")).not.toBe("–");
    expect(await fact(page, "request-id")).toMatch(/\S{8,}/);
    expect(await fact(page, "first-audio")).toMatch(/^[\d.]+ (µs|ms|s)$/);
    expect(await fact(page, "bytes")).toMatch(/^[\d.]+ kB\d+ % less than base64 MP3$/);
    expect(await page.textContent("#timing")).toContain("cache");
    expect(await page.textContent("#live")).toMatch(/^Cache hit\. First audio after .+ seconds of audio\.$/);
    expect(complaints).toEqual([]);
  });

  it("plays all six formats, and hears the same length in each", async () => {
    const { page, complaints } = await open();
    const lengths: number[] = [];
    for (const format of ["wav", "pcm", "flac", "mp3", "opus", "aac"]) {
      await speak(page, { text: TEXT, format });
      const { durationS, inked } = await heard(page);
      lengths.push(durationS);
      // Codecs pad to whole frames, and the page shows tenths.
      expect(Math.abs(durationS - lengths[0]!), `${format}: ${durationS} s, wav: ${lengths[0]} s`).toBeLessThan(0.25);
      expect(inked, `${format} is drawn as a sound`).toBeGreaterThan(0.5);
    }
    expect(complaints).toEqual([]);
  });

  it("replays from the tab without asking, and asks again with the old settings", async () => {
    const { page, requests } = await open();
    await speak(page, { text: TEXT, format: "opus", speed: "1.25" });
    await page.fill("#text", "Something else.");
    const asked = () => requests.filter((url) => url.endsWith("/v1/audio/speech")).length;
    expect(asked()).toBe(1);
    await page.click("text=Replay");
    await heard(page);
    expect(asked()).toBe(1);
    await page.click("text=Ask again");
    await page.waitForFunction(() => document.querySelectorAll("#history > li").length === 2);
    expect(asked()).toBe(2);
    expect(await badges(page)).toEqual(["hit", expect.any(String)]);
    expect(await page.inputValue("#text")).toBe(TEXT);
    expect(await page.textContent("#speed-value")).toBe("1.25×");
  });

  it("speaking again stops the one before", async () => {
    const { page, complaints } = await open();
    await page.fill("#text", "One sentence follows another. ".repeat(100));
    await page.click("#speak");
    await page.fill("#text", "Stop.");
    await page.click("#speak");
    await page.waitForFunction(() => document.querySelector<HTMLElement>("#answer")?.dataset.state === "done");
    expect(await page.locator("#history > li").count()).toBe(1);
    const { durationS } = await heard(page);
    expect(durationS).toBeLessThan(2);
    expect(complaints).toEqual([]);
  });

  it("says next to the text what is wrong with it, and takes it back when it is right", async () => {
    const { page } = await open();
    await page.fill("#text", "   ");
    await page.focus("#curl");
    await page.click("#speak");
    await page.waitForSelector("#text-error:not(:empty)");
    expect(await page.getAttribute("#text", "aria-invalid")).toBe("true");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("text");
    expect(await page.textContent("#live")).toBe(await page.textContent("#text-error"));
    await speak(page, { text: "Right." });
    expect(await page.textContent("#text-error")).toBe("");
    expect(await page.getAttribute("#text", "aria-invalid")).toBeNull();
  });

  it("works by keyboard alone", async () => {
    const { page } = await open();
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.className)).toBe("skip");
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("text");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("Spoken from the keyboard.");
    await tabTo(page, "voice");
    const before = await page.inputValue("#voice");
    await page.keyboard.press("ArrowDown");
    expect(await page.inputValue("#voice")).not.toBe(before);
    await tabTo(page, "format-mp3");
    await page.keyboard.press("ArrowRight");
    expect(await page.isChecked("#format-opus")).toBe(true);
    await tabTo(page, "speed");
    await page.keyboard.press("ArrowRight");
    expect(await page.getAttribute("#speed", "aria-valuetext")).toBe("1.1×");
    await tabTo(page, "speak");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector<HTMLElement>("#answer")?.dataset.state === "done");
    await heard(page);
    await tabTo(page, "play");
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.querySelector("audio")?.paused)).toBe(true);
    await tabTo(page, "seek");
    await page.keyboard.press("End");
    expect(await page.evaluate(() => document.querySelector("audio")?.currentTime)).toBeGreaterThan(0.5);
  });

  it("has a name for every control", async () => {
    const { page } = await open();
    await speak(page, { text: TEXT });
    const snapshot = await page.locator("body").ariaSnapshot();
    expect(snapshot).not.toMatch(/^\s*- (button|textbox|slider|combobox|radio|searchbox)( \[|:|$)/m);
    expect(snapshot).toMatch(/textbox "Text"/);
    expect(snapshot).toMatch(/slider "Pitch"/);
  });

  it.each([
    [1280, "light"],
    [1280, "dark"],
    [390, "light"],
    [390, "dark"],
  ] as const)("fits %i px in %s, before and after speaking", async (width, colorScheme) => {
    const { page } = await open({ viewport: { width, height: 844 }, colorScheme });
    const overflow = () =>
      page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(await overflow()).toBe(0);
    await speak(page, { text: `${"Donaudampfschifffahrtsgesellschaft".repeat(4)}. ${TEXT}` });
    expect(await overflow()).toBe(0);
    const brightness = () =>
      page.evaluate(() => Number(/\d+/.exec(getComputedStyle(document.documentElement).backgroundColor)?.[0]));
    expect((await brightness()) < 128).toBe(colorScheme === "dark");
    await page.click("#theme"); // system → light
    await page.click("#theme"); // → dark
    expect(await brightness()).toBeLessThan(128);
    await page.reload();
    expect(await brightness()).toBeLessThan(128);
  });

  it("counts down when the gateway refuses", async () => {
    const strict = await startGateway({ rateLimitPerMinute: 1 });
    onTestFinished(() => strict.close());
    const { page } = await open({}, strict.url);
    await speak(page, { text: "The first is admitted." });
    await page.click("#speak");
    await page.waitForSelector('#speak[aria-disabled="true"]');
    expect(await page.textContent("#speak-text")).toMatch(/^Again in \d+ s$/);
    expect(await page.textContent("#banner")).not.toBe("");
    await page.click("#speak", { force: true }); // asks nothing while it counts
    expect(await page.locator("#history > li").count()).toBe(1);
  });
});

async function startGateway(config: ConfigInput) {
  const flite = { name: "flite", type: "flite" };
  const created = await createGateway({ engines: [flite], redisEnabled: false, ...config }, { pageDirectory });
  const { url } = await created.listen({ port: 0 });
  return { url, close: () => created.close() };
}

type Wish = { text?: string; format?: string; speed?: string };

/** Fills in what is given, presses Speak, and waits until all of the audio has arrived. */
async function speak(page: Page, { text, format, speed }: Wish): Promise<void> {
  if (text !== undefined) await page.fill("#text", text);
  if (format !== undefined) await page.check(`#format-${format}`, { force: true }); // the radio lies under its label
  if (speed !== undefined) {
    await page.focus("#speed");
    for (let i = 0; i < 12 && (await page.textContent("#speed-value")) !== `${speed}×`; i++)
      await page.keyboard.press("ArrowRight");
  }
  const rows = await page.locator("#history > li").count();
  await page.click("#speak");
  const said = (count: number) => document.querySelectorAll("#history > li").length > count;
  await page.waitForFunction(said, rows).catch(async (cause: unknown) => {
    const state = await page.getAttribute("#answer", "data-state");
    const errors = await page.locator("#banner, .field-error").allTextContents();
    throw new Error(`nothing was said; the page is ${state} and tells: ${errors.join(" ").trim() || "nothing"}`, {
      cause,
    });
  });
}

/** Waits until the audio element has really moved on. Tells the length that the page decoded, and how high its picture of it is, 0..1. */
async function heard(page: Page): Promise<{ durationS: number; inked: number }> {
  await page.waitForFunction(() => (document.querySelector("audio")?.currentTime ?? 0) > 0.25);
  const [minutes, seconds] = (await fact(page, "duration")).split(":").map(Number);
  const inked = await page.evaluate(() => {
    const error = document.querySelector("audio")?.error;
    if (error) throw new Error(`the audio element failed: ${error.message}`);
    const wave = document.querySelector<HTMLCanvasElement>("#wave");
    const canvas = document.createElement("canvas"); // reading the page's own one makes Chromium warn
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!wave || !context) throw new Error("nothing to look at");
    [canvas.width, canvas.height] = [wave.width, wave.height];
    context.drawImage(wave, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    const rows = new Set<number>(); // a still line inks three of them
    for (let i = 3; i < pixels.length; i += 4) if (pixels[i]) rows.add(Math.floor(i / 4 / canvas.width));
    return rows.size / canvas.height;
  });
  return { durationS: (minutes ?? Number.NaN) * 60 + (seconds ?? Number.NaN), inked };
}

function badges(page: Page): Promise<(string | null)[]> {
  return page.$$eval("#history .badge", (found) => found.map((badge) => badge.textContent));
}

async function fact(page: Page, name: string): Promise<string> {
  return (await page.$$eval(`[data-fact="${name}"] dd`, (found) => found.map((dd) => dd.textContent))).join("");
}

async function tabTo(page: Page, id: string): Promise<void> {
  for (let i = 0; i < 40; i++) {
    if ((await page.evaluate(() => document.activeElement?.id)) === id) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab never reaches #${id}`);
}
