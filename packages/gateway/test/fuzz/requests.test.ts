/**
 * Every operation of /openapi.json with bodies and queries made of its own schemas, some of whose values are anything. Whatever
 * comes is answered or refused: never by an error that is ours, never in another shape than errors have.
 */
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type RunningGateway, runGateway } from "../support/gateway.ts";
import { standInEngine } from "../support/stand-in-engine.ts";
import { howLong, mutatedText } from "./mutations.ts";

type Schema = {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
};
type Operation = {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
};
type Named = Operation & { readonly method: string; readonly path: string };

const ADMIN = "root-key-0123456789abcdef";
/** It does not end; and these would change what the others meet. */
const LEFT_OUT = new Set(["get /v1/stats/stream", "put /admin/engines/{name}", "delete /admin/jobs/{id}"]);

let gateway: RunningGateway;
let operations: Named[];

beforeAll(async () => {
  gateway = await runGateway(
    { adminKey: ADMIN, allowAnonymous: true, maxTextChars: 200 },
    { engines: [standInEngine()] },
  );
  const { paths } = (await gateway.inject({ url: "/openapi.json" })).json<{
    paths: Record<string, Record<string, Operation>>;
  }>();
  operations = Object.entries(paths)
    .flatMap(([path, methods]) => Object.entries(methods).map(([method, one]) => ({ ...one, method, path })))
    .filter(({ method, path }) => !LEFT_OUT.has(`${method} ${path}`));
});

const word = fc.oneof(fc.constantFrom("one", "two", "Hello there.", "mp3", "1", "24000"), fc.string({ maxLength: 12 }));

/** Mostly what the schema wants. */
function nearly(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 15, arbitrary: fitting(schema) }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) });
}

function fitting(schema: Schema): fc.Arbitrary<unknown> {
  const {
    type,
    enum: names,
    anyOf,
    properties = {},
    required = [],
    items = {},
    minimum = -5,
    maximum = 5_000,
  } = schema;
  if ("const" in schema) return fc.constant(schema.const);
  if (names !== undefined) return fc.constantFrom(...names);
  if (anyOf !== undefined) return fc.oneof(...anyOf.map(nearly));
  switch (type) {
    case "string":
      return word;
    case "integer":
      return fc.integer({ min: Math.ceil(minimum), max: Math.floor(maximum) });
    case "number":
      return fc.double({ min: minimum, max: maximum, noNaN: true });
    case "boolean":
      return fc.boolean();
    case "array":
      return fc.array(nearly(items), { maxLength: 3 });
    case "object": {
      const fields = Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, nearly(each)]));
      return fc.record(fields, { requiredKeys: required.filter((name) => Object.hasOwn(fields, name)) });
    }
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function requestOf({ method, path, parameters = [], requestBody }: Named) {
  const inQuery = parameters.filter((parameter) => parameter.in === "query");
  const query = fc.record(Object.fromEntries(inQuery.map(({ name, schema }) => [name, fitting(schema).map(String)])), {
    requiredKeys: [],
  });
  const schema = requestBody?.content["application/json"]?.schema;
  const body = schema === undefined ? fc.constant(undefined) : nearly(schema).map((value) => JSON.stringify(value));
  return fc.tuple(query, body, fc.array(word, { minLength: 2, maxLength: 2 })).map(([asked, payload, names]) => {
    let used = 0;
    const url = path.replaceAll(/\{\w+\}/g, () => encodeURIComponent(names[used++ % 2]!.toWellFormed() || "x"));
    const search = Object.entries(asked).map(
      ([name, value]) => `${name}=${encodeURIComponent(String(value).toWellFormed())}`,
    );
    return { method: method.toUpperCase(), url: `${url}?${search.join("&")}`, payload };
  });
}

async function answerTo({ method, url, payload }: { method: string; url: string; payload: string | undefined }) {
  const headers = {
    authorization: `Bearer ${ADMIN}`,
    ...(payload !== undefined && { "content-type": "application/json" }),
  };
  return await gateway.inject({ method: method as "POST", url, headers, ...(payload !== undefined && { payload }) });
}

describe("Whatever is asked", () => {
  it("is answered, or refused in words and by a status that says who is at fault", async () => {
    const requests = fc.nat().chain((which) => requestOf(operations[which % operations.length]!));
    const answered = new Set<number>();
    await fc.assert(
      fc.asyncProperty(requests, async (request) => {
        const { statusCode, headers, body } = await answerTo(request);
        answered.add(statusCode);
        expect(statusCode, body.slice(0, 300)).toBeLessThan(500);
        if (statusCode >= 400) expect(headers["content-type"]).toMatch(/^application\/json/);
        if (statusCode >= 400) expect(JSON.parse(body)).toBeTypeOf("object");
      }),
      howLong(2),
    );
    expect(answered).toContain(200); // the requests are not all nonsense
    expect(answered).toContain(400);
  });

  it("is refused where the JSON of a body is damaged", async () => {
    const whole = '{"model":"tts-1","input":"Hello there.","voice":"one","response_format":"pcm","speed":1.5}';
    await fc.assert(
      fc.asyncProperty(mutatedText([whole]), async (payload) => {
        const { statusCode } = await answerTo({ method: "POST", url: "/v1/audio/speech", payload });
        expect([200, 400, 404]).toContain(statusCode);
      }),
      howLong(),
    );
  });
});
