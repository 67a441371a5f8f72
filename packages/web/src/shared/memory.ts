/** Remembers a small thing about this reader in this browser. Where storage is blocked, nothing is remembered. */
export function remember(name: string, value: string, storage: Storage | undefined = localStorageOrNone()): void {
  try {
    storage?.setItem(`mynah.${name}`, value);
  } catch {
    // Full or forbidden: the page works without.
  }
}

/** What was remembered under that name, if anything. */
export function recall(name: string, storage: Storage | undefined = localStorageOrNone()): string | undefined {
  return storage?.getItem(`mynah.${name}`) ?? undefined;
}

function localStorageOrNone(): Storage | undefined {
  try {
    return globalThis.localStorage;
  } catch {
    return undefined;
  }
}
