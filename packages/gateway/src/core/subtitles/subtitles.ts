import type { SpokenMark, SpokenWord } from "../ports.ts";
import { type Cue, subtitleCues, type TimedSegment } from "./cues.ts";

export const SUBTITLE_FORMATS = ["srt", "vtt", "json"] as const;
export type SubtitleFormat = (typeof SUBTITLE_FORMATS)[number];

export const SUBTITLE_MIME_TYPES: Readonly<Record<SubtitleFormat, string>> = {
  srt: "application/x-subrip; charset=utf-8",
  vtt: "text/vtt; charset=utf-8",
  json: "application/json; charset=utf-8",
};

/** All that was said, and when. */
export type Transcript = {
  readonly segments: readonly TimedSegment[];
  /** In the order in which they are reached. */
  readonly marks?: readonly SpokenMark[];
  readonly durationMs: number;
};

/** Subtitles of one answer: SubRip, WebVTT, or its words as JSON. */
export function formatSubtitles(transcript: Transcript, format: SubtitleFormat): string {
  switch (format) {
    case "srt":
      return srt(subtitleCues(transcript.segments));
    case "vtt":
      return vtt(subtitleCues(transcript.segments), isEstimated(transcript));
    case "json":
      return json(transcript);
  }
}

function isEstimated({ segments }: Transcript): boolean {
  return segments.some(({ words }) => words.some(({ estimated }) => estimated));
}

/** The de facto format of SubRip: numbers, times with a comma, a blank line behind each. */
function srt(cues: readonly Cue[]): string {
  return cues
    .map(({ startMs, endMs, lines }, at) => {
      const text = lines.map(plainForSrt).join("\n");
      return `${at + 1}\n${timestamp(startMs, ",")} --> ${timestamp(endMs, ",")}\n${text}\n\n`;
    })
    .join("");
}

/**
 * SubRip cannot escape anything. An arrow would begin a cue, and what looks like a tag would vanish in players, so the
 * one becomes another arrow and an invisible word joiner makes the other no tag.
 */
function plainForSrt(line: string): string {
  return line.replaceAll("-->", "→").replaceAll(/[<{](?=[/\\A-Za-z])/g, "$&\u2060");
}

/** WebVTT (W3C). */
function vtt(cues: readonly Cue[], estimated: boolean): string {
  const note = estimated ? "NOTE The engine gave no word times: they are estimated.\n\n" : "";
  const blocks = cues.map(({ startMs, endMs, lines }) => {
    const text = lines.map(escapedForVtt).join("\n");
    return `${timestamp(startMs, ".")} --> ${timestamp(endMs, ".")}\n${text}\n\n`;
  });
  return `WEBVTT\n\n${note}${blocks.join("")}`;
}

function escapedForVtt(line: string): string {
  return line.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function json({ segments, marks = [], durationMs }: Transcript): string {
  const words = segments.flatMap((segment) => segment.words.map(wholeMs));
  const marked = marks.map(({ timeMs, ...mark }) => ({ ...mark, timeMs: Math.round(timeMs) }));
  return JSON.stringify({ durationMs: Math.round(durationMs), words, ...(marked.length > 0 && { marks: marked }) });
}

function wholeMs({ text, startMs, endMs, estimated }: SpokenWord) {
  return { text, startMs: Math.round(startMs), endMs: Math.round(endMs), ...(estimated && { estimated }) };
}

function timestamp(ms: number, point: "," | "."): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const clock = [ms / 3_600_000, (ms / 60_000) % 60, (ms / 1000) % 60].map(two).join(":");
  return `${clock}${point}${String(ms % 1000).padStart(3, "0")}`;
}
