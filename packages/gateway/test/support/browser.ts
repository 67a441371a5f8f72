import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Quiet, offline and with sound that needs no click: nothing but the test's own requests leaves the browser. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];

/** Shorter than a test may take, so that a failure says what was waited for. */
const WAIT_MS = 12_000;

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** The first Chromium on PATH; undefined on machines without one, whose browser tests are skipped with that reason. */
export function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

/** A Chromium with a profile of its own, which is gone after `close()`. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error("chromium is missing: apt-get install chromium");
  return chromium.launch({ executablePath, args: FLAGS });
}

export type WatchedPage = {
  readonly page: Page;
  /** What the page complained about: console errors and warnings, exceptions, blocked content. */
  readonly complaints: readonly string[];
  /** Every URL it asked for, blob and data URLs aside. */
  readonly requests: readonly string[];
};

/** A page of a fresh context: no storage, no cache, no cookies. Closing the browser closes it. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`exception: ${error.message}`));
  page.on("request", (request) => {
    if (/^https?:/.test(request.url())) requests.push(request.url());
  });
  return { page, complaints, requests };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
