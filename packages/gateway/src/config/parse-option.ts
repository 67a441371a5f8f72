import { ConfigError } from "./config.ts";
import type { OptionSpec } from "./options.ts";

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
};
const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
};

/** Reads one option as written in the environment. Throws a ConfigError that says what to write. */
export function parseOption(spec: OptionSpec, raw: string): string | number | boolean {
  const { is } = spec;
  const text = raw.trim();
  switch (is.kind) {
    case "string":
      return text;
    case "boolean": {
      const value = BOOLEANS[text.toLowerCase()];
      if (value === undefined) throw wrong(spec, text, "true or false");
      return value;
    }
    case "integer":
      return inRange(spec, text, /^-?\d+$/.test(text) ? Number(text) : Number.NaN, is);
    case "number":
      return inRange(spec, text, /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN, is);
    case "bytes": {
      const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? [];
      const factor = UNITS[unit.toLowerCase()];
      return inRange(
        spec,
        text,
        amount === undefined || factor === undefined ? Number.NaN : Math.floor(Number(amount) * factor),
        is,
      );
    }
    case "choice":
      if (!is.choices.includes(text)) throw wrong(spec, text, `one of ${is.choices.join(", ")}`);
      return typeof spec.default === "number" ? Number(text) : text;
    case "url": {
      // Not by URL: it takes one host, and a cluster has several. Whoever uses the URL reads the rest of it.
      const protocol = /^([a-z][a-z0-9+.-]*:)\/\/[^/]/i.exec(text)?.[1]?.toLowerCase() ?? "";
      if (!is.protocols.includes(protocol)) {
        throw wrong(
          spec,
          withoutSecrets(text),
          `a URL that begins with ${is.protocols.map((name) => `${name}//`).join(" or ")}`,
        );
      }
      return text;
    }
  }
}

function inRange(spec: OptionSpec, text: string, value: number, { min, max }: { min: number; max: number }): number {
  if (!(value >= min && value <= max)) {
    const kinds: Partial<Record<OptionSpec["is"]["kind"], string>> = {
      bytes: "a size such as 64MiB",
      number: "a number",
    };
    const kind = kinds[spec.is.kind] ?? "a whole number";
    throw wrong(
      spec,
      text,
      `${kind} from ${min} to ${max}${spec.unit && spec.is.kind !== "bytes" ? ` (${spec.unit})` : ""}`,
    );
  }
  return value;
}

function wrong(spec: OptionSpec, text: string, expected: string): ConfigError {
  const example = spec.default === undefined ? "" : `, for example ${spec.env}=${spec.default}`;
  return new ConfigError(`${spec.env} must be ${expected}${example}; it is "${text.slice(0, 100)}"`);
}

function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/]*@/, "//…@");
}
