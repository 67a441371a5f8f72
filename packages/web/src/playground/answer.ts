import type { CacheState } from "@mynah/client";
import { byId, h } from "../shared/dom.ts";
import { bytes, clock, duration, saving, verdict } from "../shared/wording.ts";
import type { Begun, Said } from "./said.ts";

export type AnswerPanel = {
  /** A request is on its way; two, when voices are compared. */
  wait(kind: "one" | "two"): void;
  /** The first audio is there; the rest is still coming. */
  begin(begun: Begun): void;
  show(said: Said): void;
  /** Both that were compared have answered. */
  done(): void;
  fail(): void;
};

/** How a cache state reads on a badge. */
export const BADGES: Readonly<Record<CacheState, string>> = {
  hit: "hit",
  stale: "stale",
  miss: "miss",
  coalesced: "shared",
  partial: "partial hit",
  bypass: "bypass",
  unknown: "no cache told",
};

/** The panel that tells what became of the last request. */
export function answerPanel(): AnswerPanel {
  const panel = byId("answer", HTMLElement);
  const badge = byId("badge", HTMLElement);
  const words = byId("verdict", HTMLElement);
  const facts = byId("facts", HTMLElement);
  const timing = byId("timing", HTMLElement);
  const lead = panel.querySelector(".empty-lead");

  function head(state: CacheState | "waiting", label: string, sentence: string): void {
    badge.dataset.state = state;
    badge.textContent = label;
    words.textContent = sentence;
  }
  function kind(of: "one" | "two"): void {
    byId("result", HTMLElement).hidden = of === "two";
    byId("duel", HTMLElement).hidden = of === "one";
  }
  return {
    wait(of) {
      kind(of);
      panel.dataset.state = "waiting";
      panel.setAttribute("aria-busy", "true");
      head("waiting", "asking", "Waiting for the first audio…");
      facts.replaceChildren(...factRows({}));
      timing.replaceChildren();
    },
    begin({ cache, firstAudioMs }) {
      panel.dataset.state = "streaming";
      if (cache) head(cache.state, BADGES[cache.state], verdict(cache));
      else head("waiting", "speaking", "It comes sentence by sentence.");
      facts.replaceChildren(...factRows({ firstAudioMs }));
      panel.scrollIntoView({ block: "nearest" }); // on a phone it is below the form
    },
    show(said) {
      kind("one");
      panel.dataset.state = "done";
      panel.setAttribute("aria-busy", "false");
      head(said.cache.state, BADGES[said.cache.state], verdict(said.cache));
      facts.replaceChildren(...factRows(said));
      timing.replaceChildren(...timingRows(said));
    },
    done() {
      panel.dataset.state = "done";
      panel.setAttribute("aria-busy", "false");
    },
    fail() {
      panel.dataset.state = "empty";
      panel.setAttribute("aria-busy", "false");
      if (lead) lead.textContent = "No audio this time.";
    },
  };
}

/** Facts that are not known yet keep their place, so that nothing jumps when they come. */
function factRows(said: Partial<Said>): HTMLElement[] {
  const { firstAudioMs, totalMs, byteCount, engine, voice, requestId } = said;
  const durationS = durationOf(said);
  const undecodable = said.file && !said.sound ? "this browser cannot decode it" : "";
  return [
    fact("first-audio", "First audio", firstAudioMs === undefined ? "" : duration(firstAudioMs), "", "lead"),
    fact("total", "Complete", totalMs === undefined ? "" : duration(totalMs), "", "lead"),
    fact("duration", "Length", durationS === undefined ? "" : clock(durationS), undecodable, "lead"),
    fact("bytes", "Received", byteCount === undefined ? "" : bytes(byteCount), comparison(said) || " ", "lead"),
    fact("engine", "Engine", engine ?? ""),
    fact("voice", "Voice", voice ?? ""),
    requestId ? fact("request-id", "Request id", requestId, "", "wide") : undefined,
  ].filter((row) => row !== undefined);
}

/** How long the audio is: by listening to it, else by what the gateway said. */
export function durationOf({ sound, durationMs }: Partial<Said>): number | undefined {
  return sound?.durationS ?? (durationMs === undefined ? undefined : durationMs / 1000);
}

/** How many bytes base64 MP3 would have been; nothing while the length is not known. */
export function comparison(said: Partial<Said>): string {
  const { byteCount } = said;
  const durationS = durationOf(said);
  if (byteCount === undefined || durationS === undefined) return "";
  const words = saving(byteCount, durationS);
  return `${words} ${words.endsWith("as much") ? "as" : "than"} base64 MP3`;
}

export function fact(name: string, label: string, value: string, note = "", kind = ""): HTMLElement {
  return h(
    "div",
    { class: `fact ${kind}`.trim(), "data-fact": name },
    h("dt", {}, label),
    h("dd", {}, value || "–"),
    note ? h("dd", { class: "note" }, note) : undefined,
  );
}

function timingRows({ serverTiming, firstAudioMs }: Said): HTMLElement[] {
  if (serverTiming.length === 0) return [];
  const inside = serverTiming.map(({ name, durationMs, description }) => ({ name, durationMs, description }));
  const [only] = inside;
  // Over a socket the gateway tells one time; what it does not account for was spent on the way.
  const way = only && inside.length === 1 ? Math.max(0, firstAudioMs - only.durationMs) : undefined;
  const all = way === undefined ? inside : [...inside, { name: "on the way", durationMs: way, description: undefined }];
  const longest = Math.max(...all.map(({ durationMs }) => durationMs), Number.MIN_VALUE);
  const rows = all.map(({ name, durationMs, description }) => {
    const bar = h("span", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--share", `${Math.max(1, (durationMs / longest) * 100)}%`);
    const label = h("dt", description ? { title: description } : {}, name);
    return h(
      "div",
      { class: "timing-row" },
      label,
      h("dd", {}, bar, h("span", { class: "number" }, duration(durationMs))),
    );
  });
  const title = way === undefined ? "Inside the gateway" : "Until the first audio";
  return [h("h3", {}, title), h("dl", { class: "timing-rows" }, ...rows)];
}
