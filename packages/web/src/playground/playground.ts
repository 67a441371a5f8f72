import { type Client, createClient, MynahError } from "@mynah/client";
import { byId } from "../shared/dom.ts";
import type { SessionValue } from "../shared/session-value.ts";
import type { View } from "../shared/views.ts";
import { duration } from "../shared/wording.ts";
import { answerPanel, BADGES } from "./answer.ts";
import { codeTabs } from "./code-tabs.ts";
import { composer } from "./composer.ts";
import { duel } from "./duel.ts";
import { clearErrors, fieldOf, showError } from "./field-errors.ts";
import { history } from "./history.ts";
import { play } from "./incoming-audio.ts";
import { player } from "./player.ts";
import { readAlong } from "./read-along.ts";
import { fieldsOf, type Said, type SayOptions } from "./said.ts";
import { samples } from "./sample.ts";
import { showSamples } from "./sample-button.ts";
import { sayByHttp } from "./say-http.ts";
import { socketSayer } from "./say-socket.ts";
import { speakButton } from "./speak-button.ts";

/** The playground: each part knows its own piece of index.html, and none knows another. */
export function playground({ baseUrl, key }: { baseUrl: string; key: SessionValue }): View {
  const live = byId("live", HTMLElement);
  const announce = (words: string) => {
    live.textContent = words;
  };
  const client = (): Client => createClient({ baseUrl, ...(key.value && { apiKey: key.value }) });
  const socket = socketSayer({ baseUrl, key: () => key.value });
  const reading = readAlong((seconds) => sound.seek(seconds));
  const sound = player((seconds) => reading.at(seconds));
  const panel = answerPanel();
  const sides = duel();
  const button = speakButton();
  const code = codeTabs(announce);
  const voiceSamples = samples(client, showSamples);
  const form = composer({
    ...{ key, samples: voiceSamples, failed: refuse },
    submit: () => void (form.rival === undefined ? speak() : compare(form.rival)),
    changed: () => queueMicrotask(showCode), // the form is still being made at its first change
  });
  const said = history({ replay, again });
  let running: AbortController | undefined;

  /** Speaks what the form says. The one before is stopped, whether it is still coming or being heard. */
  async function speak(): Promise<void> {
    const { wish } = form;
    await run("one", async (signal) => {
      reading.show(wish.text, []);
      const one = await say({
        ...{ wish, element: sound.element, signal, onFirstAudio: panel.begin },
        onWords: (words) => reading.show(wish.text, words),
      });
      sound.show(one.sound);
      panel.show(one);
      said.add(one);
      const length = one.sound ? `, ${one.sound.durationS.toFixed(1)} seconds of audio` : "";
      announce(`Cache ${BADGES[one.cache.state]}. First audio after ${duration(one.firstAudioMs)}${length}.`);
    });
  }

  /** Both voices at once, by HTTP: then neither waits for the other. */
  async function compare(rival: string): Promise<void> {
    const { wish } = form;
    await run("two", async (signal) => {
      sides.wait({ a: wish.voice, b: rival });
      const ask = async (side: "a" | "b", voice: string) => {
        const one = await sayByHttp(client(), { wish: { ...wish, voice }, element: undefined, signal });
        sides.show(side, one);
        said.add(one);
        return one;
      };
      const [a, b] = await Promise.all([ask("a", wish.voice), ask("b", rival)]);
      panel.done();
      announce(`${wish.voice} after ${duration(a.firstAudioMs)}, ${rival} after ${duration(b.firstAudioMs)}.`);
    });
  }

  /** Where no socket gets through, as behind some proxies, HTTP does; only the words are missing then. */
  async function say(options: SayOptions): Promise<Said> {
    if (form.transport === "http") return sayByHttp(client(), options);
    try {
      return await socket.say(options);
    } catch (error) {
      const closed = error instanceof MynahError && ["unreachable", "connection_lost"].includes(error.code);
      if (!closed || options.signal.aborted) throw error;
      return sayByHttp(client(), options);
    }
  }

  async function run(kind: "one" | "two", work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (button.refused) return;
    stop();
    const abort = new AbortController();
    running = abort;
    clearErrors();
    panel.wait(kind);
    button.busy(true);
    try {
      await work(abort.signal);
    } catch (error) {
      if (abort.signal.aborted) return; // the reader has moved on
      abort.abort(); // of two, the other one
      sound.reset();
      panel.fail();
      refuse(error);
    } finally {
      if (running === abort) button.busy(false);
    }
  }

  function stop(): void {
    running?.abort();
    voiceSamples.stop();
    sides.reset();
    sound.reset();
    announce("");
  }

  function refuse(thrown: unknown): void {
    if (!(thrown instanceof MynahError)) throw thrown; // a defect of this page: the console shall have it
    showError(thrown);
    if (fieldOf(thrown) !== undefined) announce(thrown.message); // the banner is an alert by itself
    if (thrown.retryAfterMs === undefined) return;
    button.refuse(thrown.retryAfterMs, () => {
      clearErrors();
      announce("There is room again.");
    });
  }

  function replay(one: Said): void {
    stop();
    button.busy(false);
    clearErrors();
    panel.show(one);
    reading.show(one.wish.text, one.words);
    sound.show(one.sound);
    play(sound.element, one.file);
  }

  function again(one: Said): void {
    form.wish = one.wish;
    void speak();
  }

  async function loadVoices(): Promise<void> {
    try {
      form.setVoices(await client().voices());
      clearErrors();
    } catch (error) {
      refuse(error);
    }
  }

  function showCode(): void {
    code.show({ origin: baseUrl, options: fieldsOf(form.wish), withKey: key.value !== "" });
  }

  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
    if (!running && sound.element.paused) return;
    const waiting = byId("answer", HTMLElement).getAttribute("aria-busy") === "true";
    running?.abort();
    sound.element.pause();
    sides.reset();
    button.busy(false);
    if (waiting) panel.fail();
  });
  key.onChange(() => {
    socket.reset();
    void loadVoices();
  });
  void loadVoices();
  return { show() {}, hide() {} };
}
