/** A small, strict reader of Prometheus' text format 0.0.4: whatever it lets pass, any scraper understands. */
export type Family = {
  readonly type: string;
  readonly help: string;
  /** By name and labels, as they were written: `name{a="b"}`. */
  readonly samples: ReadonlyMap<string, { readonly labels: Readonly<Record<string, string>>; readonly value: number }>;
};

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;

/** Throws for anything that the format does not allow. */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const families = new Map<
    string,
    Family & { samples: Map<string, { labels: Record<string, string>; value: number }> }
  >();
  let current = "";
  let help: { name: string; text: string } | undefined;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment?.[1] === "HELP") {
      help = { name: comment[2]!, text: comment[3]! };
    } else if (comment?.[1] === "TYPE") {
      const [, , name, type] = comment;
      if (help?.name !== name) throw new Error(`TYPE of ${name} does not follow its HELP`);
      if (!NAME.test(name!) || families.has(name!)) throw new Error(`${name} is no name, or is there twice`);
      if (!["counter", "gauge", "histogram"].includes(type!)) throw new Error(`${type} is no type`);
      current = name!;
      families.set(current, { type: type!, help: help!.text, samples: new Map() });
    } else {
      if (line.startsWith("#")) throw new Error(`not understood: ${line}`);
      const [, name, labels = "", value] = SAMPLE.exec(line) ?? [];
      const family = families.get(current);
      if (name === undefined || family === undefined) throw new Error(`not a sample, or of nothing: ${line}`);
      const suffix = name.slice(current.length);
      const allowed = family.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      if (!name.startsWith(current) || !allowed.includes(suffix)) throw new Error(`${name} stands below ${current}`);
      const key = line.slice(0, line.lastIndexOf(" "));
      if (family.samples.has(key)) throw new Error(`twice: ${key}`);
      family.samples.set(key, { labels: labelsOf(labels), value: numberOf(value!) });
    }
  }
  for (const [name, family] of families) if (family.type === "histogram") checkHistogram(name, family);
  return families;
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  for (let at = 0; at < text.length; at = LABEL.lastIndex) {
    const [, name, value] = LABEL.exec(text) ?? [];
    if (name === undefined || name in labels) throw new Error(`these are no labels: ${text}`);
    labels[name] = value!.replace(/\\([\\"n])/g, (_, escaped) => (escaped === "n" ? "\n" : escaped));
  }
  return labels;
}

function numberOf(text: string): number {
  const value = text === "+Inf" ? Number.POSITIVE_INFINITY : Number(text);
  if (Number.isNaN(value) || text === "") throw new Error(`${text} is no number`);
  return value;
}

/** Buckets rise, the last one is +Inf and holds as many as the count says. */
function checkHistogram(name: string, { samples }: Family): void {
  const seen = new Map<string, { upTo: number; count: number }>();
  for (const [key, { labels, value }] of samples) {
    const { le, ...rest } = labels;
    const series = JSON.stringify(Object.entries(rest));
    if (key.startsWith(`${name}_bucket`)) {
      const before = seen.get(series) ?? { upTo: Number.NEGATIVE_INFINITY, count: 0 };
      const upTo = numberOf(le!);
      if (upTo <= before.upTo || value < before.count) throw new Error(`${key} does not rise`);
      seen.set(series, { upTo, count: value });
    } else if (key.startsWith(`${name}_count`)) {
      const last = seen.get(series);
      if (last?.upTo !== Number.POSITIVE_INFINITY || last.count !== value) throw new Error(`${key} is not its +Inf`);
    }
  }
}
