import { h } from "../shared/dom.ts";

const REGION = /^[A-Z]{2}$/;

/** The country a language tag points at: the one it names, else where most of its speakers live. Undefined for Esperanto. */
export function regionOf(tag: string): string | undefined {
  try {
    const { region } = new Intl.Locale(tag).maximize();
    return region !== undefined && REGION.test(region) ? region : undefined;
  } catch {
    return undefined; // an engine's own spelling that is no BCP-47
  }
}

/** A small flag, or the tag where no country has that language. For the eye only: the language stands beside it. */
export function flag(tag: string): HTMLElement {
  const region = regionOf(tag);
  if (region === undefined) return h("span", { class: "flag", "aria-hidden": "true" }, tag.slice(0, 2));
  const src = `/assets/flags/${region}.svg`;
  return h("img", { class: "flag", src, alt: "", width: "24", height: "16", loading: "lazy", decoding: "async" });
}
