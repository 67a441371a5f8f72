import type { FastifyReply } from "fastify";

/** Names and values in turn, as Node's `writeHead` takes them: no object is made to be taken apart again. */
export type HeaderList = string[];

/** What every answer of ours has. */
export function commonHeaders({ request }: FastifyReply): HeaderList {
  return ["x-request-id", request.id, "x-content-type-options", "nosniff"];
}

export function* pairsOf(list: HeaderList): Generator<[name: string, value: string]> {
  for (let at = 0; at < list.length; at += 2) yield [list[at]!, list[at + 1]!];
}

export function recordOf(list: HeaderList): Record<string, string> {
  return Object.fromEntries(pairsOf(list));
}

export function listOf(record: Readonly<Record<string, string>>): HeaderList {
  return Object.entries(record).flat();
}
