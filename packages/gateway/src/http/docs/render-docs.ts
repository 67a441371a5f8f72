import { type Field, fieldsOf, limitsText, type Schema, typeText } from "./schema-text.ts";

type Content = Readonly<Record<string, { readonly schema?: Schema }>>;
type Parameter = {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: Schema;
};
type Operation = {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses?: Readonly<Record<string, { readonly description?: string; readonly content?: Content }>>;
};
export type ApiDescription = {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly tags?: readonly { readonly name: string; readonly description?: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
};
type Route = { readonly id: string; readonly method: string; readonly path: string; readonly operation: Operation };

/** Examples for fields that the schema alone would make nonsense of. */
const EXAMPLES: Readonly<Record<string, unknown>> = {
  model: "tts-1",
  input: "Hello. I will only say this once.",
  text: "Hello. I will only say this once.",
  voice: "alloy",
  user: "ann",
  phrases: ["Hello.", "One moment, please."],
  enabled: false,
  tag: "greetings",
  name: "flite",
  voice_id: "slt",
  token_type: "tts_websocket",
};

/** The API as a page to be read, of the same description that programs read. HTML without scripts or styles of its own. */
export function renderDocs(api: ApiDescription): string {
  const routes = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Route => ({ ...named(method, path), path, operation })),
  );
  const groups = [...new Set([...(api.tags ?? []).map(({ name }) => name), ...routes.map(tagOf)])]
    .map((tag) => ({ tag, routes: routes.filter((route) => tagOf(route) === tag) }))
    .filter((group) => group.routes.length > 0);
  const { title, version, description = "" } = api.info;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} API</title>
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/docs/docs.css">
</head>
<body>
<a class="skip" href="#main">Skip to the routes</a>
<header><h1><a href="/">${escaped(title)}</a> API <small>${escaped(version)}</small></h1>
<p>${marked(description)} For programs: <a href="/openapi.json">openapi.json</a>.</p></header>
<nav aria-label="Routes">${groups.map(contents).join("\n")}</nav>
<main id="main">
<section aria-labelledby="callers"><h2 id="callers">Who calls</h2>
<p>Where the gateway wants a key, send it as <code>Authorization: Bearer …</code>, or as <code>xi-api-key</code>.
Routes below <code>/admin</code> want an administrator’s. Every refusal has one shape,
<code>{"error": {"message", "type", "param", "code"}}</code>, and every answer an <code>x-request-id</code>.
Speech may also be asked for over a WebSocket, <code>/v1/speech/ws</code>, subprotocol <code>mynah.v1</code>.</p></section>
${groups.map(section).join("\n")}
</main>
</body>
</html>
`;
}

const tagOf = ({ operation }: Route): string => operation.tags?.[0] ?? "other";

function named(method: string, path: string): { id: string; method: string } {
  return { id: `${method}${path.replaceAll(/[^a-z0-9]+/gi, "-")}`.replace(/-$/, ""), method: method.toUpperCase() };
}

function contents({ tag, routes }: { tag: string; routes: readonly Route[] }): string {
  const items = routes.map(
    ({ id, method, path }) =>
      `<li><a href="#${id}"><b class="${method.toLowerCase()}">${method}</b> <code>${breakable(path)}</code></a></li>`,
  );
  return `<h2>${heading(tag)}</h2><ul>${items.join("")}</ul>`;
}

function section({ tag, routes }: { tag: string; routes: readonly Route[] }): string {
  return `<section aria-labelledby="tag-${tag}"><h2 id="tag-${tag}">${heading(tag)}</h2>${routes.map(article).join("\n")}</section>`;
}

function article(route: Route): string {
  const { id, method, path, operation } = route;
  const { summary = "", description = "", parameters = [], requestBody, responses = {} } = operation;
  const [bodyType, body] = Object.entries(requestBody?.content ?? {})[0] ?? [];
  return `<article id="${id}">
<h3><a href="#${id}"><b class="${method.toLowerCase()}">${method}</b> <code>${breakable(path)}</code></a></h3>
<p><strong>${marked(summary)}.</strong> ${marked(description)}</p>
<pre tabindex="0"><code>${escaped(curl(route, body?.schema))}</code></pre>
${parameters.length === 0 ? "" : table("Parameters", parameters.map(parameterField))}
${body?.schema === undefined ? "" : table(`Body, ${bodyType}`, fieldsOf(body.schema))}
<h4>Answers</h4>
<dl>${Object.entries(responses).map(answer).join("")}</dl>
</article>`;
}

function parameterField({ name, in: place, required = false, description, schema = {} }: Parameter): Field {
  return {
    path: name,
    type: `${typeText(schema)} (${place})`,
    required,
    limits: limitsText(schema),
    description: description ?? schema.description ?? "",
  };
}

function answer([status, { description = "", content = {} }]: [
  string,
  NonNullable<Operation["responses"]>[string],
]): string {
  const types = Object.keys(content).map((type) => `<code>${escaped(type)}</code>`);
  const schema = content["application/json"]?.schema;
  const fields = schema === undefined || !status.startsWith("2") ? [] : fieldsOf(schema);
  return `<dt>${status}</dt><dd>${marked(description === "Default Response" ? "" : description)} ${types.join(" ")}${
    fields.length === 0 ? "" : `<details><summary>Fields</summary>${table("", fields)}</details>`
  }</dd>`;
}

function table(caption: string, fields: readonly Field[]): string {
  const rows = fields.map(
    ({ path, type, required, limits, description }) =>
      `<tr><th scope="row"><code>${breakable(path)}</code>${required ? " <em>required</em>" : ""}</th><td>${breakable(type)}</td><td>${marked(
        description,
      )}${limits === "" ? "" : ` <span class="limits">${escaped(limits)}</span>`}</td></tr>`,
  );
  const head = caption === "" ? "" : `<h4>${escaped(caption)}</h4>`;
  return `${head}<div class="wide" tabindex="0" role="region" aria-label="${escaped(caption || "Fields of the answer")}"><table><thead><tr><th scope="col">name</th><th scope="col">type</th><th scope="col">meaning</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

/** A call that works as it stands on a gateway without keys. */
function curl({ method, path, operation }: Route, body: Schema | undefined): string {
  const { parameters = [] } = operation;
  const query = parameters
    .filter((parameter) => parameter.in === "query" && parameter.required === true)
    .map(({ name }) => `${name}=${encodeURIComponent(exampleText(name, "…"))}`);
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => exampleText(name, name.toUpperCase()));
  const url = `http://127.0.0.1:8080${filled}${query.length === 0 ? "" : `?${query.join("&")}`}`;
  const lines = [`curl ${method === "GET" ? "" : `-X ${method} `}'${url}'`];
  if (tagOf({ id: "", method, path, operation }) === "admin") lines.push(`-H "authorization: Bearer $ADMIN_KEY"`);
  if (body !== undefined) {
    lines.push("-H 'content-type: application/json'", `-d '${JSON.stringify(exampleOf(body))}'`);
  }
  if (makesAudio(operation)) lines.push("-o speech.mp3");
  return lines.join(" \\\n  ");
}

function exampleText(name: string, otherwise: string): string {
  const example = EXAMPLES[name];
  return typeof example === "string" ? example : otherwise;
}

function makesAudio({ responses = {} }: Operation): boolean {
  return Object.keys(responses["200"]?.content ?? {}).some((type) => type.startsWith("audio/"));
}

/** The fields that must be there, and those that an example makes clearer. */
function exampleOf(schema: Schema): Record<string, unknown> {
  const required = schema.required ?? [];
  const { properties = {} } = schema;
  // A text or a dialogue: neither must be there, and one is.
  const spoken = "input" in properties || "phrases" in properties;
  const chosen = spoken ? ["input", "voice"].filter((name) => name in properties && !required.includes(name)) : [];
  const names = required.length > 0 ? [...required, ...chosen] : Object.keys(properties).slice(0, 1);
  return Object.fromEntries(names.map((name) => [name, exampleValue(name, schema.properties?.[name] ?? {})]));
}

function exampleValue(name: string, schema: Schema): unknown {
  const { default: value, enum: values, anyOf, type } = schema;
  const known = EXAMPLES[name] ?? value ?? values?.[0];
  if (known !== undefined) return known;
  if (anyOf?.[0] !== undefined) return exampleValue(name, anyOf[0]);
  if (type === "object") return exampleOf(schema);
  if (type === "array") return [exampleValue(name, schema.items ?? {})];
  return type === "boolean" ? true : type === "number" || type === "integer" ? (schema.minimum ?? 1) : "…";
}

const heading = (tag: string): string => escaped(tag[0]!.toUpperCase() + tag.slice(1));

/** `code` between backticks; nothing else of Markdown. */
function marked(text: string): string {
  return escaped(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}

/** Long paths and names may be broken behind their separators. */
function breakable(text: string): string {
  return escaped(text).replaceAll(/([/.,])/g, "$1<wbr>");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
