import { byId } from "./dom.ts";
import type { SessionValue } from "./session-value.ts";

export type KeyForm = {
  /** A key is needed, or the one that was given is wrong. */
  ask(error?: string): void;
  /** It was right. */
  done(): void;
};

/** A form `<id>-form` that asks for the key in `<id>`; `<id>-error` says what is wrong with it. */
export function keyForm({ id, value }: { id: string; value: SessionValue }): KeyForm {
  const form = byId(`${id}-form`, HTMLFormElement);
  const input = byId(id, HTMLInputElement);
  const error = byId(`${id}-error`, HTMLElement);
  input.value = value.value;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    error.textContent = "";
    value.value = input.value.trim();
  });
  return {
    ask(words = value.value === "" ? "" : "The gateway does not accept this key.") {
      form.hidden = false;
      error.textContent = words;
    },
    done() {
      form.hidden = true;
    },
  };
}
