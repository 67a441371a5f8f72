/**
 * Takes the pictures of the documentation: the page of a real gateway under a real load, at both widths and in both themes, into
 * docs/images/.  npm run screenshots [-- NAME…]
 */
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { launchBrowser, openPage, type WatchedPage } from "../packages/gateway/test/support/browser.ts";
import { driveLoad } from "./screenshots/drive-load.ts";
import { type ShowGateway, startShowGateway } from "./screenshots/show-gateway.ts";

const OUT = process.env.SCREENSHOTS_DIR ?? join(import.meta.dirname, "../docs/images");
/** How long there has been load when the first picture is taken. */
const LOAD_SECONDS = Number(process.env.SCREENSHOTS_LOAD_SECONDS ?? 150);
/** The machine is busy with the load as well. */
const WAIT_MS = 60_000;
const WIDTHS = { wide: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } } as const;
const THEMES = ["light", "dark"] as const;

type Page = WatchedPage["page"];

/** What is done on a page before its picture is taken. */
const PICTURES: Readonly<Record<string, { hash: string; prepare(page: Page, gateway: ShowGateway): Promise<void> }>> = {
  playground: {
    hash: "#speak",
    async prepare(page) {
      const text =
        "The mynah heard the word once. It tilted its head, thought about it, and said it back exactly as it was.";
      await page.fill("#text", text);
      for (let time = 0; time < 2; time++) {
        await page.click("#speak");
        await said(page);
        await sleep(400); // what was made is stored
      }
      await page.waitForFunction(() => (document.querySelector("audio")?.currentTime ?? 0) > 2.6);
      await page.click("#play");
    },
  },
  voices: {
    hash: "#speak",
    async prepare(page) {
      await page.click("#voice-open");
      await page.fill("#voice-search", "en");
      await page.waitForTimeout(300);
    },
  },
  compare: {
    hash: "#speak",
    async prepare(page) {
      await page.fill("#text", "Two voices, one sentence. Which would you rather listen to?");
      await page.click("#compare");
      await page.click("#speak");
      await said(page);
      await sleep(1500);
    },
  },
  dashboard: {
    hash: "#dashboard",
    async prepare(page) {
      await page.waitForFunction(() => document.querySelectorAll(".chart canvas").length > 3);
      await sleep(2500);
    },
  },
  admin: {
    hash: "#admin",
    async prepare(page, { adminKey }) {
      await page.fill("#admin-key", adminKey);
      await page.keyboard.press("Enter");
      await page.waitForSelector("#admin-engines tbody tr");
      await page.fill("#warm-phrases", "Welcome to the harbour line.\nYou are next.\nThank you, and goodbye.");
      await page.click("#warm button[type=submit]");
      await page.click("#refused button >> nth=0");
      await page.waitForSelector("#windows meter");
      await page.waitForSelector('#jobs [data-state="ok"]');
    },
  },
};

const asked = process.argv.slice(2);
const names = asked.length > 0 ? asked : Object.keys(PICTURES);
mkdirSync(OUT, { recursive: true });
const gateway = await startShowGateway();
const browser = await launchBrowser();
const load = driveLoad(gateway.url);
try {
  await sleep(LOAD_SECONDS * 1000);
  for (const name of names) await take(name);
} finally {
  await load.stop();
  await browser.close();
  await gateway.close();
}

async function take(name: string): Promise<void> {
  const { hash, prepare } = PICTURES[name]!;
  for (const [kind, viewport] of Object.entries(WIDTHS)) {
    for (const colorScheme of THEMES) {
      const { page, complaints } = await openPage(browser, { viewport, colorScheme, reducedMotion: "reduce" });
      page.setDefaultTimeout(WAIT_MS);
      await page.goto(`${gateway.url}/${hash}`);
      await page.waitForSelector("#voice .sample", { state: "attached" });
      await prepare(page, gateway).catch((cause: unknown) => {
        throw new Error(`${name}: ${complaints.join("; ") || "the page complained of nothing"}`, { cause });
      });
      const path = join(OUT, `${name}-${kind}-${colorScheme}.webp`);
      await capture(page, path);
      await page.context().close();
      process.stdout.write(`${path}  ${Math.round(statSync(path).size / 1000)} kB ${complaints.join(" ")}\n`);
    }
  }
}

/** All of the page, or what is in view while a dialog is open. As WebP, a quarter of a PNG, which Playwright cannot write itself. */
async function capture(page: Page, path: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { cssContentSize, cssLayoutViewport } = await session.send("Page.getLayoutMetrics");
  const dialog = (await page.locator("dialog[open]").count()) > 0;
  const { clientWidth, clientHeight, pageX, pageY } = cssLayoutViewport;
  const inView = { x: pageX, y: pageY, width: clientWidth, height: clientHeight };
  const clip = {
    ...(dialog ? inView : { x: 0, y: 0, width: cssContentSize.width, height: cssContentSize.height }),
    scale: 1,
  };
  const { data } = await session.send("Page.captureScreenshot", {
    ...{ format: "webp", quality: 90, captureBeyondViewport: !dialog, clip },
  });
  writeFileSync(path, Buffer.from(data, "base64"));
}

async function said(page: Page): Promise<void> {
  const done = () => document.querySelector<HTMLElement>("#answer")?.dataset.state === "done";
  await page.waitForFunction(done).catch(async (cause: unknown) => {
    const told = await page.locator("#banner, .field-error").allTextContents();
    throw new Error(`nothing was said: ${told.join(" ").trim() || "and nothing told"}`, { cause });
  });
}
