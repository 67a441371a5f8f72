import type { FastifyReply } from "fastify";

/**
 * Tells in `mynah-ignored` which of a vendor's settings were sent that are heard from that vendor and not here. Their
 * clients send them unasked, so they are no reason to refuse. `fields`: dotted paths into the body.
 */
export function tellIgnored(reply: FastifyReply, body: object, fields: readonly string[]): void {
  const sent = ignoredIn(body, fields);
  if (sent.length > 0) alsoIgnored(reply, sent.join(", "));
}

/** Which of these were sent. */
export function ignoredIn(body: object, fields: readonly string[]): string[] {
  return fields.filter((path) => (path.split(".").reduce(within, body as unknown) ?? null) !== null);
}

/** On a socket there is no header: a message of ours tells it, in a field that vendors' clients do not know. */
export function ignoredField(ignored: readonly string[]): { readonly mynah_ignored?: readonly string[] } {
  return ignored.length > 0 ? { mynah_ignored: ignored } : {};
}

/** Beside what is told already. */
export function alsoIgnored(reply: FastifyReply, more: string | undefined): void {
  const told = [reply.getHeader("mynah-ignored"), more].filter((one) => one !== undefined);
  if (told.length > 0) reply.header("mynah-ignored", told.join(", "));
}

function within(value: unknown, field: string): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[field] : undefined;
}
