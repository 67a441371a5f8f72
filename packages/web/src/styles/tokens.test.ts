import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync(new URL("tokens.css", import.meta.url), "utf8");
const declarations = (start: string): string[] => {
  const from = css.indexOf("{", css.indexOf(start) + start.length - 1) + 1;
  return css.slice(from, css.indexOf("}", from)).trim().split(/\n\s*/);
};
const chosen = declarations(':root[data-theme="dark"] {');
const preferred = declarations(':root:not([data-theme="light"]) {');

describe("tokens.css", () => {
  it("has the same dark theme whether it is chosen or preferred", () => {
    expect(chosen.length).toBeGreaterThan(15);
    expect(preferred).toEqual(chosen);
  });

  it.each([
    ["light", declarations(":root {")],
    ["dark", chosen],
  ])("keeps text readable in the %s theme: WCAG AA, 4.5:1", (_, theme) => {
    const colour = (name: string) =>
      /#[0-9a-f]{6}/.exec(theme.find((line) => line.startsWith(`--${name}:`)) ?? "")?.[0] ?? "";
    const pairs = [
      ["ink", "paper"],
      ["ink", "sheet"],
      ["ink-soft", "paper"],
      ["ink-soft", "sheet"],
      ["ink-soft", "grey-wash"],
      ["saffron-ink", "saffron-wash"],
      ["teal-ink", "teal-wash"],
      ["violet-ink", "violet-wash"],
      ["red-ink", "red-wash"],
      ["red-ink", "sheet"],
      ["button-ink", "button"],
    ];
    for (const [front = "", back = ""] of pairs) {
      expect(contrast(colour(front), colour(back)), `${front} on ${back}`).toBeGreaterThanOrEqual(4.5);
    }
  });
});

function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
