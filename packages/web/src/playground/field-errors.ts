import type { MynahError } from "@mynah/client";
import { byId } from "../shared/dom.ts";

/** Where the page shows what is wrong with a field of the request: the control, and the line under it. */
const FIELDS = {
  input: "text",
  voice: "voice",
  response_format: "format",
  speed: "speed",
  pitch: "pitch",
  volume: "volume",
  key: "key",
} as const;
type Field = keyof typeof FIELDS;

/** For answers that name no field; the code says it as well. */
const FIELD_OF_CODE: Readonly<Record<string, Field>> = {
  text_empty: "input",
  text_too_long: "input",
  engine_cannot_say: "input",
  voice_not_found: "voice",
  unauthorized: "key",
};

/** The field that a refusal is about, if the page has it. */
export function fieldOf({ param, code }: Pick<MynahError, "param" | "code">): Field | undefined {
  const named = param?.split(".")[0]; // `voice.id` is the voice
  return named !== undefined && named in FIELDS ? (named as Field) : FIELD_OF_CODE[code];
}

/** Takes every error off the page. */
export function clearErrors(): void {
  for (const field of Object.keys(FIELDS) as Field[]) setError(field, "");
  byId("banner", HTMLElement).textContent = "";
}

/** Shows a refusal next to the field it names, which gets the focus; one that names none goes under the buttons. */
export function showError(error: Pick<MynahError, "param" | "code" | "message">): void {
  const field = fieldOf(error);
  if (field === undefined) byId("banner", HTMLElement).textContent = error.message;
  else setError(field, error.message);
}

function setError(field: Field, message: string): void {
  const name = FIELDS[field];
  byId(`${name}-error`, HTMLElement).textContent = message;
  const box = document.querySelector(`[data-field="${field}"]`);
  const control = box?.querySelector<HTMLElement>(`#${name}:is(input, textarea), .voice-button, input:checked`);
  const invalid = control?.matches("input, textarea"); // a button cannot be
  if (message === "") {
    if (invalid) control?.removeAttribute("aria-invalid");
    return;
  }
  if (box instanceof HTMLDetailsElement) box.open = true;
  if (invalid) control?.setAttribute("aria-invalid", "true");
  control?.focus();
}
