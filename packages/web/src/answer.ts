import type { CacheState } from "@mynah/client";
import { byId, h } from "./dom.ts";
import type { Said } from "./said.ts";
import { bytes, clock, duration, saving, verdict } from "./wording.ts";

export type AnswerPanel = {
  /** A request is on its way. */
  wait(): void;
  /** The first audio is there; the rest is still coming. */
  begin(soFar: Pick<Said, "cache" | "firstAudioMs">): void;
  show(said: Said): void;
  fail(): void;
};

/** How a cache state reads on a badge. */
export const BADGES: Readonly<Record<CacheState, string>> = {
  hit: "hit",
  stale: "stale",
  miss: "miss",
  coalesced: "coalesced",
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
  return {
    wait() {
      panel.dataset.state = "waiting";
      panel.setAttribute("aria-busy", "true");
      head("waiting", "asking", "Waiting for the first audio…");
      facts.replaceChildren(...factRows({}));
      timing.replaceChildren();
    },
    begin({ cache, firstAudioMs }) {
      panel.dataset.state = "streaming";
      head(cache.state, BADGES[cache.state], verdict(cache));
      facts.replaceChildren(...factRows({ firstAudioMs }));
      panel.scrollIntoView({ block: "nearest" }); // on a phone it is below the form
    },
    show(said) {
      panel.dataset.state = "done";
      panel.setAttribute("aria-busy", "false");
      head(said.cache.state, BADGES[said.cache.state], verdict(said.cache));
      facts.replaceChildren(...factRows(said));
      timing.replaceChildren(...timingRows(said));
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
  const compared = byteCount === undefined || durationS === undefined ? "" : comparison(byteCount, durationS);
  const undecodable = said.file && !said.sound ? "this browser cannot decode it" : "";
  return [
    fact("first-audio", "First audio", firstAudioMs === undefined ? "" : duration(firstAudioMs), "", "lead"),
    fact("total", "Complete", totalMs === undefined ? "" : duration(totalMs), "", "lead"),
    fact("duration", "Length", durationS === undefined ? "" : clock(durationS), undecodable, "lead"),
    fact("bytes", "Received", byteCount === undefined ? "" : bytes(byteCount), compared, "lead"),
    fact("engine", "Engine", engine ?? ""),
    fact("voice", "Voice", voice ?? ""),
    fact("request-id", "Request id", requestId ?? "", "", "wide"),
  ];
}

/** How long the audio is: by listening to it, else by what the gateway said. */
function durationOf({ sound, durationMs }: Partial<Said>): number | undefined {
  return sound?.durationS ?? (durationMs === undefined ? undefined : durationMs / 1000);
}

function comparison(byteCount: number, durationS: number): string {
  const words = saving(byteCount, durationS);
  return `${words} ${words.endsWith("as much") ? "as" : "than"} base64 MP3`;
}

function fact(name: string, label: string, value: string, note = "", kind = ""): HTMLElement {
  return h(
    "div",
    { class: `fact ${kind}`.trim(), "data-fact": name },
    h("dt", {}, label),
    h("dd", {}, value || "–"),
    note ? h("dd", { class: "note" }, note) : undefined,
  );
}

function timingRows({ serverTiming }: Said): HTMLElement[] {
  if (serverTiming.length === 0) return [];
  const longest = Math.max(...serverTiming.map(({ durationMs }) => durationMs), Number.MIN_VALUE);
  const rows = serverTiming.map(({ name, durationMs, description }) => {
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
  return [h("h3", {}, "Inside the gateway"), h("dl", { class: "timing-rows" }, ...rows)];
}
