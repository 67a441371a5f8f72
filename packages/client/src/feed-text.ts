import type { TextUtterance } from "./utterance.ts";

/** Writes what comes out of `text` until either ends. Never rejects: what `text` throws is what the utterance fails with. */
export async function feedText(
  call: TextUtterance & { readonly closed: boolean; fail(error: unknown): void },
  text: AsyncIterable<string> | Iterable<string>,
): Promise<void> {
  const over = call.done.catch(() => {}).then(() => undefined);
  try {
    const source =
      (text as AsyncIterable<string>)[Symbol.asyncIterator]?.() ?? (text as Iterable<string>)[Symbol.iterator]();
    for (;;) {
      const next = call.closed ? undefined : await Promise.race([source.next(), over]);
      if (!next) {
        // Nobody listens any more: let the model stop, without waiting for the word that it is just thinking of.
        await source.return?.();
        return;
      }
      if (next.done) return call.end();
      await call.append(next.value);
    }
  } catch (error) {
    if (!call.closed) call.fail(error);
  }
}
