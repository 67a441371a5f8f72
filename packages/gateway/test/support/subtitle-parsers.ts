/** Strict little readers of subtitles, written from the formats' descriptions and not from our writers. */
export type ParsedCue = { readonly startMs: number; readonly endMs: number; readonly lines: readonly string[] };

function timeOf(text: string, point: string): number {
  const match = /^(\d{2,}):([0-5]\d):([0-5]\d)(.)(\d{3})$/.exec(text);
  if (match === null || match[4] !== point) throw new Error(`not a time: ${JSON.stringify(text)}`);
  const [, hours, minutes, seconds, , ms] = match.map(Number);
  return ((hours! * 60 + minutes!) * 60 + seconds!) * 1000 + ms!;
}

function cueOf(times: string | undefined, lines: readonly string[], point: string): ParsedCue {
  const [start, end, ...more] = (times ?? "").split(" --> ");
  if (end === undefined || more.length > 0) throw new Error(`not a line of times: ${times}`);
  if (lines.length === 0 || lines.some((line) => line.trim() === "")) throw new Error("an empty cue");
  if (lines.some((line) => line.includes("-->"))) throw new Error("an arrow in a cue");
  const cue = { startMs: timeOf(start!, point), endMs: timeOf(end, point), lines };
  if (cue.endMs <= cue.startMs) throw new Error(`a cue that ends before it begins: ${times}`);
  return cue;
}

const blocksOf = (text: string): string[][] => {
  if (text !== "" && !text.endsWith("\n\n")) throw new Error("the last block is not closed");
  return text === ""
    ? []
    : text
        .slice(0, -2)
        .split("\n\n")
        .map((block) => block.split("\n"));
};

export function parseSrt(text: string): ParsedCue[] {
  return blocksOf(text).map(([number, times, ...lines], at) => {
    if (number !== String(at + 1)) throw new Error(`cue ${at + 1} is numbered ${number}`);
    return cueOf(times, lines, ",");
  });
}

const ENTITIES: Readonly<Record<string, string>> = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };

/** Cue text may hold no bare `<`, `>` or `&` here: we write no tags. */
export function parseVtt(text: string): ParsedCue[] {
  const [head, ...blocks] = blocksOf(text);
  if (head?.length !== 1 || head[0] !== "WEBVTT") throw new Error("no WEBVTT in front");
  return blocks
    .filter(([first]) => !first!.startsWith("NOTE "))
    .map(([times, ...lines]) => {
      const cue = cueOf(times, lines, ".");
      const plain = lines.map((line) => {
        if (/[<>]|&(?!amp;|lt;|gt;)/.test(line)) throw new Error(`not escaped: ${line}`);
        return line.replaceAll(/&\w+;/g, (entity) => ENTITIES[entity]!);
      });
      return { ...cue, lines: plain };
    });
}
