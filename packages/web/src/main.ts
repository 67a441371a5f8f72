import { type Client, createClient, MynahError } from "@mynah/client";
import { answerPanel, BADGES } from "./answer.ts";
import { copyText } from "./clipboard.ts";
import { composer } from "./composer.ts";
import { curlCommand } from "./curl.ts";
import { byId } from "./dom.ts";
import { clearErrors, fieldOf, showError } from "./field-errors.ts";
import { watchHealth } from "./health.ts";
import { history } from "./history.ts";
import { play } from "./incoming-audio.ts";
import { player } from "./player.ts";
import { type Said, say } from "./said.ts";
import { speakButton } from "./speak-button.ts";
import { themeButton } from "./theme.ts";
import { duration } from "./wording.ts";

// Composition root of the page: each part knows its own piece of index.html, and none knows another.
const baseUrl = location.origin;
const live = byId("live", HTMLElement);
const sound = player();
const panel = answerPanel();
const button = speakButton();
const form = composer({ submit: () => void speak(), keyChanged: () => void loadVoices() });
const said = history({ replay, again });
let running: AbortController | undefined;

function client(): Client {
  return createClient({ baseUrl, ...(form.apiKey && { apiKey: form.apiKey }) });
}

/** Speaks what the form says. The one before is stopped, whether it is still coming or being heard. */
async function speak(): Promise<void> {
  if (button.refused) return;
  stop();
  const abort = new AbortController();
  running = abort;
  clearErrors();
  panel.wait();
  button.busy(true);
  try {
    const { wish } = form;
    const one = await say({
      client: client(),
      wish,
      element: sound.element,
      signal: abort.signal,
      onFirstAudio: panel.begin,
    });
    sound.show(one.sound);
    panel.show(one);
    said.add(one);
    const length = one.sound ? `, ${one.sound.durationS.toFixed(1)} seconds of audio` : "";
    live.textContent = `Cache ${BADGES[one.cache.state]}. First audio after ${duration(one.firstAudioMs)}${length}.`;
  } catch (error) {
    if (abort.signal.aborted) return; // the reader has moved on
    sound.reset();
    panel.fail();
    refuse(error);
  } finally {
    if (running === abort) button.busy(false);
  }
}

function stop(): void {
  running?.abort();
  sound.reset();
  live.textContent = "";
}

function refuse(thrown: unknown): void {
  if (!(thrown instanceof MynahError)) throw thrown; // a defect of this page: the console shall have it
  showError(thrown);
  if (fieldOf(thrown) !== undefined) live.textContent = thrown.message; // the banner is an alert by itself
  if (thrown.status !== 429 || thrown.retryAfterMs === undefined) return;
  button.refuse(thrown.retryAfterMs, () => {
    clearErrors();
    live.textContent = "There is room again.";
  });
}

function replay(one: Said): void {
  stop();
  button.busy(false);
  clearErrors();
  panel.show(one);
  sound.show(one.sound);
  play(sound.element, one.file);
}

function again(one: Said): void {
  form.wish = one.wish;
  void speak();
}

async function loadVoices(): Promise<void> {
  try {
    form.voices.setVoices(await client().voices());
    clearErrors();
  } catch (error) {
    refuse(error);
  }
}

byId("curl", HTMLButtonElement).addEventListener("click", async () => {
  const { pitch, ...rest } = form.wish;
  const copied = await copyText(curlCommand(baseUrl, pitch === 1 ? rest : { ...rest, pitch }, form.apiKey !== ""));
  const face = byId("curl", HTMLButtonElement);
  face.textContent = copied ? "Copied" : "Could not copy";
  live.textContent = copied ? "The curl command is in the clipboard." : "The browser did not let us copy.";
  setTimeout(() => (face.textContent = "Copy as curl"), 1600);
});
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || (!running && sound.element.paused)) return;
  const waiting = byId("answer", HTMLElement).getAttribute("aria-busy") === "true";
  running?.abort();
  sound.element.pause();
  button.busy(false);
  if (waiting) panel.fail();
});
themeButton();
watchHealth(baseUrl);
void loadVoices();
