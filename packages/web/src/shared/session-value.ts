import { recall, remember } from "./memory.ts";

export type SessionValue = { value: string; onChange(listener: () => void): void };

/** Something secret that is forgotten with the tab. */
export function sessionValue(name: string): SessionValue {
  const storage = sessionStorageOrNone();
  const listeners: (() => void)[] = [];
  let value = recall(name, storage) ?? "";
  return {
    get value() {
      return value;
    },
    set value(next) {
      if (next === value) return;
      value = next;
      remember(name, value, storage);
      for (const listener of listeners) listener();
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

function sessionStorageOrNone(): Storage | undefined {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined;
  }
}
