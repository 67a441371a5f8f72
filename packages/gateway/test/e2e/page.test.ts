import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type ConfigInput, createGateway } from "../../src/index.ts";
import { findChromium, launchBrowser, openPage, type WatchedPage } from "../support/browser.ts";

const hasBrowser = findChromium() !== undefined;
if (!hasBrowser) console.warn("the page is not tested: no chromium on PATH (apt-get install chromium)");

const pageDirectory = mkdtempSync(join(tmpdir(), "mynah-page-"));
/** Of all that the playground needs at first, packed. */
const MAX_FIRST_LOAD_BYTES = 150_000;
const ADMIN_KEY = "page-test-admin-key-0000";
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
      startGateway({ rateLimitPerMinute: 1000, rateLimitPerHour: 1000, adminKey: ADMIN_KEY, allowAnonymous: true }),
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
    await watched.page.waitForSelector("#voice .sample", { state: "attached" }); // there are voices
    return watched;
  }

  it("loads small, complains of nothing, asks no other server and moves nothing once it is there", async () => {
    const { page, complaints, requests } = await open();
    await page.waitForSelector('#health[data-state="ready"]');
    expect(requests.filter((url) => !url.startsWith(gateway.url))).toEqual([]);
    const { packed, shift } = await page.evaluate(async () => {
      await document.fonts.ready;
      const loaded = [...performance.getEntriesByType("resource"), ...performance.getEntriesByType("navigation")];
      const bytes = (loaded as PerformanceResourceTiming[])
        .filter(({ name }) => !/\/(v1|readyz)/.test(name))
        .map(({ encodedBodySize }) => encodedBodySize);
      return {
        packed: bytes.reduce((sum, size) => sum + size, 0),
        shift: await new Promise<number>((resolve) => {
          let sum = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) sum += (entry as PerformanceEntry & { value: number }).value;
          }).observe({ type: "layout-shift", buffered: true });
          setTimeout(() => resolve(sum), 100);
        }),
      };
    });
    expect(packed).toBeGreaterThan(40_000);
    expect(packed).toBeLessThan(MAX_FIRST_LOAD_BYTES);
    expect(shift).toBeLessThan(0.02);
    expect(complaints).toEqual([]);
  });

  it("speaks: a miss the first time, a hit the second, and each word lights up as it is heard", async () => {
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
    await page.waitForFunction(() => document.querySelectorAll("#reading .heard").length >= 3);
    expect(await page.locator("#reading .now").count()).toBeLessThanOrEqual(1);
    expect(await page.locator("#reading .word").count()).toBe(11);
    expect(await page.textContent("#reading")).toBe(`${TEXT} Twice.`);
    await page.click("#reading .word >> nth=0"); // a click on a word goes there
    await page.click("#play");
    expect(await page.locator("#reading .heard").count()).toBeLessThan(10);

    expect(await page.textContent("#badge")).toBe("hit");
    expect(await fact(page, "engine")).toBe("flite");
    expect(await fact(page, "voice")).not.toBe("–");
    expect(await fact(page, "first-audio")).toMatch(/^[\d.]+ (µs|ms|s)$/);
    expect(await fact(page, "bytes")).toMatch(/^[\d.]+ kB\d+ % less than base64 MP3$/);
    expect(await page.textContent("#timing")).toContain("gateway");
    expect(await page.textContent("#live")).toMatch(/^Cache hit\. First audio after .+ seconds of audio\.$/);
    expect(complaints).toEqual([]);
  });

  it("finds a voice by what it is like, lets it say hello, and chooses it", async () => {
    const { page, complaints } = await open();
    await page.click("#voice-open");
    expect(await page.locator("#voices-list h3").allTextContents()).toContain("American English");
    await page.fill("#voice-search", "british");
    expect(
      await page.locator("#voices-list input").evaluateAll((all) => all.map((one) => one.getAttribute("value"))),
    ).toEqual(["awb"]);
    await page.click("#voices-list .sample");
    await page.waitForSelector('#voices-list .sample[data-playing="true"]');
    expect(await page.getAttribute("#voices-list .sample", "aria-label")).toBe("Stop AWB");
    await page.click("#voices-list label");
    await page.waitForSelector("dialog:not([open])", { state: "attached" });
    expect(await page.textContent("#voice-open")).toBe("Voice: AWB British English · male · flite");
    expect(await page.textContent("#code-text")).toContain('"voice":"awb"');
    await page.click("#code-tabs >> text=Python");
    expect(await page.textContent("#code-text")).toContain('voice="awb"');
    expect(complaints).toEqual([]);
  });

  it("lets two voices say the same, side by side, and tells what each took", async () => {
    const { page, complaints } = await open();
    await page.click("#compare");
    await page.fill("#text", "Which of us?");
    await page.click("#speak");
    await page.waitForFunction(() => document.querySelectorAll("#history > li").length === 2);
    expect(await page.locator(".corner h3").allTextContents()).toEqual(["slt", expect.stringMatching(/^(?!slt$)/)]);
    expect(await page.locator(".corner .badge").allTextContents()).toEqual(["miss", "miss"]);
    expect(await page.locator('.corner [data-fact="bytes"] .note').allTextContents()).toEqual([
      expect.stringContaining("base64 MP3"),
      expect.stringContaining("base64 MP3"),
    ]);
    expect(await page.locator('.corner[data-quicker="true"]').count()).toBe(1);
    await page.waitForSelector('.corner [aria-label^="Pause"]');
    expect(complaints).toEqual([]);
  });

  it("over HTTP tells what each part of the gateway took, and who can look it up", async () => {
    const { page, complaints } = await open();
    await page.check("#transport-http", { force: true });
    await speak(page, { text: "By request." });
    await heard(page);
    expect(await fact(page, "request-id")).toMatch(/\S{8,}/);
    expect(await page.textContent("#timing")).toContain("cache");
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
    await page.check("#transport-http", { force: true });
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
    await page.focus("#copy");
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
    await tabTo(page, "voice-open");
    const before = await page.textContent("#voice-open");
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("voice-search");
    await page.keyboard.press("ArrowDown"); // to the chosen one
    await page.keyboard.press("ArrowDown"); // to the next, which is chosen by that
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("voice-open");
    expect(await page.textContent("#voice-open")).not.toBe(before);
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

  it.each(["light", "dark"] as const)("has nothing that axe objects to, in any view, %s", async (colorScheme) => {
    const { page, complaints } = await open({ colorScheme });
    await page.evaluate(axe.source);
    const found: string[] = [];
    const look = async (view: string) => {
      const objections = await page.evaluate(async () => {
        const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
        return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
      });
      found.push(...objections.map((objection) => `${view}: ${objection}`));
    };
    await speak(page, { text: TEXT });
    await look("playground");
    await page.click("#voice-open");
    await look("voices");
    await page.keyboard.press("Escape");
    await page.click("text=Dashboard");
    await page.waitForSelector("#engines tbody tr");
    await look("dashboard");
    await openAdmin(page);
    await look("admin");
    expect(found).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it("shows on the dashboard what is said now, and watches only while somebody looks", async () => {
    const { page, complaints } = await open();
    await page.click("text=Dashboard");
    await page.waitForSelector('#live-state[data-state="ready"]');
    expect(await page.locator(".chart canvas").count()).toBe(6);
    expect(await page.locator("#engines tbody th").allTextContents()).toEqual(["flite"]);
    const inAll = () =>
      page.textContent("#tiles .tile:first-child .hint").then((text) => Number.parseInt(text ?? "", 10));
    await page.waitForFunction(() => /in all/.test(document.querySelector("#tiles .hint")?.textContent ?? ""));
    const before = await inAll();
    const body = JSON.stringify({ model: "tts-1", voice: "slt", input: "Counted." });
    const headers = { "content-type": "application/json" };
    await (await fetch(`${gateway.url}/v1/audio/speech`, { method: "POST", headers, body })).arrayBuffer();
    await page.waitForFunction(
      (count) => Number.parseInt(document.querySelector("#tiles .hint")?.textContent ?? "", 10) > count,
      before,
    );
    expect(await page.getAttribute(".chart .plot", "aria-label")).toMatch(/^Answers a second, newest: made [\d.]+, /);
    const left = page.waitForEvent("requestfailed", (request) => request.url().endsWith("/v1/stats/stream"));
    await page.click("text=Playground");
    await left;
    expect(complaints).toEqual([]);
  });

  it("lets administrators switch, purge and warm, and nobody else", async () => {
    const { page } = await open();
    await page.click("text=Admin");
    await page.fill("#admin-key", "guessed");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#admin-key-error:not(:empty)");
    expect(await page.isVisible("#admin-body")).toBe(false);
    await openAdmin(page);

    await page.click('#admin-engines [role="switch"]');
    await page.waitForSelector('#admin-engines [aria-checked="false"]');
    await page.click('#admin-engines [role="switch"]');
    await page.waitForSelector('#admin-engines [aria-checked="true"]');

    await page.fill("#warm-phrases", "Warmed by the page.\n\nAnd this.");
    await page.fill("#warm-voice", "slt");
    await page.click("#warm button");
    await page.waitForSelector('#jobs [data-state="ok"]');
    expect(await page.textContent("#jobs .hint")).toMatch(/^2 made, 0 there already, 0 failed/);

    await page.fill("#purge-value", "Warmed by the page.");
    await page.fill("#purge-voice", "slt");
    await page.click("#purge-button");
    await page.waitForFunction(() => document.querySelector("#purge-note")?.textContent === "1 removed.");
    await page.selectOption("#purge-what", "all");
    await page.click("#purge-button"); // asks whether that is meant
    expect(await page.textContent("#purge-button")).toBe("Really purge everything");

    await page.fill("#user", "nobody-yet");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#windows meter");
    expect(await page.textContent("#windows")).toContain("1,000 of 1,000 requests left");
    const config = await page.textContent("#config");
    expect(config).toContain("ADMIN_KEY***");
    expect(config).not.toContain(ADMIN_KEY);
    await page.click("#admin-leave");
    expect(await page.isVisible("#admin-body")).toBe(false);
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
  const { url } = await created.listen({ port: 0, host: "127.0.0.1" });
  return { url, close: () => created.close() };
}

/** To the view of administrators, with the right key. */
async function openAdmin(page: Page): Promise<void> {
  await page.click("text=Admin");
  await page.fill("#admin-key", ADMIN_KEY);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#admin-engines tbody tr");
  await page.waitForSelector("#admin-body", { state: "visible" });
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
