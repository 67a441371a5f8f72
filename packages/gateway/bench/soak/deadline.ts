import { setTimeout as sleep } from "node:timers/promises";
import { now } from "./now.ts";

/** What is being waited for at this moment, and since when. */
const waiting = new Map<symbol, { readonly what: string; readonly sinceMs: number }>();

/** A wait that took longer than it may: it names what did not come. */
export class WaitedInVain extends Error {}

/** The same promise, with an end: rejects once `ms` have passed. Nothing in the soak waits without it. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const id = Symbol(what);
  waiting.set(id, { what, sinceMs: now() });
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new WaitedInVain(`waited ${ms / 1000} s for ${what}`)), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
    waiting.delete(id);
  }
}

/** Asks again and again until it is so; false if it is not within `ms`. */
export async function becomes(ms: number, what: string, isSo: () => Promise<boolean>): Promise<boolean> {
  for (const until = now() + ms; ; await sleep(250)) {
    if (await within(ms, what, isSo())) return true;
    if (now() >= until) return false;
  }
}

/** For whoever has to say why nothing goes on. */
export function waits(): string[] {
  return [...waiting.values()].map(({ what, sinceMs }) => `${what}, for ${Math.round((now() - sinceMs) / 1000)} s`);
}
