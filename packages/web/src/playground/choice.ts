import { byId, h } from "../shared/dom.ts";

/** A row of radio buttons of which one is always chosen. */
export function choice<Value extends string>(
  { id, name, values }: { id: string; name: string; values: Readonly<Record<Value, string>> },
  changed: () => void,
): { value: Value } {
  const radios = (Object.entries(values) as [Value, string][]).map(([value, label], at) => {
    const radio = h("input", { type: "radio", name, value, id: `${name}-${value}` });
    radio.checked = at === 0;
    radio.addEventListener("change", changed);
    byId(id, HTMLElement).append(h("span", { class: "segment" }, radio, h("label", { for: radio.id }, label)));
    return { value, radio };
  });
  return {
    get value() {
      return radios.find(({ radio }) => radio.checked)!.value;
    },
    set value(wanted) {
      for (const { value, radio } of radios) radio.checked = value === wanted;
    },
  };
}
