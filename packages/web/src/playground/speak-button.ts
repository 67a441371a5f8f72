import { byId } from "../shared/dom.ts";
import { countdown } from "./countdown.ts";

export type SpeakButton = {
  /** True while the gateway has told us to wait. */
  readonly refused: boolean;
  busy(on: boolean): void;
  /** Counts down to when there is room again. */
  refuse(retryAfterMs: number, done: () => void): void;
};

/** The button's face. It is never `disabled`: that would take the focus from under the reader. */
export function speakButton(): SpeakButton {
  const button = byId("speak", HTMLButtonElement);
  const text = byId("speak-text", HTMLElement);
  let cancel: (() => void) | undefined;

  return {
    get refused() {
      return cancel !== undefined;
    },
    busy(on) {
      button.dataset.busy = String(on);
    },
    refuse(retryAfterMs, done) {
      cancel?.();
      button.setAttribute("aria-disabled", "true");
      const finish = () => {
        cancel = undefined;
        button.removeAttribute("aria-disabled");
        text.textContent = "Speak";
        done();
      };
      cancel = countdown(retryAfterMs, (seconds) => (text.textContent = `Again in ${seconds} s`), finish);
    },
  };
}
