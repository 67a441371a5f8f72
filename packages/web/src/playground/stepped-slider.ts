import { byId } from "../shared/dom.ts";

export type SteppedSlider = { value: number };

/**
 * A slider over few named stops. Few, because every value of its own is another entry in the cache: people who can
 * only choose 1.25 share audio that people with 1.23 and 1.26 would not.
 */
export function steppedSlider(id: string, stops: readonly number[], changed: () => void): SteppedSlider {
  const input = byId(id, HTMLInputElement);
  const output = byId(`${id}-value`, HTMLOutputElement);
  const neutral = stops.indexOf(1);
  input.min = "0";
  input.max = String(stops.length - 1);
  input.step = "1";

  function show(): void {
    const text = `${stops[input.valueAsNumber] ?? 1}×`;
    output.value = text;
    input.setAttribute("aria-valuetext", text);
    input.style.setProperty("--fill", `${(input.valueAsNumber / (stops.length - 1)) * 100}%`);
  }
  function choose(index: number): void {
    input.valueAsNumber = index < 0 ? neutral : index;
    show();
  }
  input.addEventListener("input", () => {
    show();
    changed();
  });
  input.addEventListener("dblclick", () => {
    choose(neutral);
    changed();
  });
  choose(neutral);

  return {
    get value() {
      return stops[input.valueAsNumber] ?? 1;
    },
    set value(value) {
      choose(stops.indexOf(value));
    },
  };
}
