/** One phase of `Server-Timing`. */
export type ServerTiming = { readonly name: string; readonly durationMs: number; readonly description?: string };

const ENTRY = /(?:[^,"]|"(?:[^"\\]|\\.)*")+/g;

/** Reads `Server-Timing`; entries without a duration are left out, since there is nothing to draw. */
export function parseServerTiming(header: string | null): ServerTiming[] {
  return (header?.match(ENTRY) ?? []).flatMap((entry) => {
    const name = /^\s*([^\s;]+)/.exec(entry)?.[1];
    const durationMs = Number(/;\s*dur\s*=\s*"?([\d.]+)/i.exec(entry)?.[1] ?? Number.NaN);
    const quoted = /;\s*desc\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))/i.exec(entry);
    const description = quoted?.[1] ?? quoted?.[2];
    if (name === undefined || !Number.isFinite(durationMs)) return [];
    return [{ name, durationMs, ...(description !== undefined && { description }) }];
  });
}
