import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseYaml, stringify } from "yaml";

/**
 * Renders a Helm chart as `helm template` does, for what our chart uses of Go's text/template, Sprig and Helm's own
 * functions; anything else throws. Helm itself is in no package registry that the tests can count on; where it is
 * installed, deploy.test.ts compares the two.
 */
export function renderChart(folder: string, options: RenderOptions = {}): Map<string, string> {
  const chart = parseYaml(readFileSync(join(folder, "Chart.yaml"), "utf8")) as Scope;
  const defaults = parseYaml(readFileSync(join(folder, "values.yaml"), "utf8")) as Scope;
  const name = options.release ?? "mynah";
  const root: Scope = {
    Values: merged(defaults, options.values ?? {}),
    Chart: Object.fromEntries(
      Object.entries(chart).map(([key, value]) => [key[0]!.toUpperCase() + key.slice(1), value]),
    ),
    Release: { Name: name, Namespace: "default", Service: "Helm" },
  };
  const templates = join(folder, "templates");
  const sources = readdirSync(templates).map((file) => [file, readFileSync(join(templates, file), "utf8")] as const);
  const defined = new Map<string, Node[]>();
  const parsed = sources.map(([file, source]) => [file, parseTemplate(source, defined, file)] as const);
  const renderer = new Renderer(defined, options.secrets ?? {});
  return new Map(
    parsed
      .filter(([file]) => !file.startsWith("_"))
      .map(([file, nodes]) => [file, renderer.render(nodes, root, new Map([["$", root]]))]),
  );
}

export type RenderOptions = {
  readonly release?: string;
  readonly values?: Readonly<Record<string, unknown>>;
  /** What `lookup` finds, by name. */
  readonly secrets?: Readonly<Record<string, unknown>>;
};

type Scope = Record<string, unknown>;
type Variables = Map<string, unknown>;
type Node =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "output"; readonly expression: string }
  | { readonly type: "set"; readonly name: string; readonly declares: boolean; readonly expression: string }
  | { readonly type: "if" | "with"; readonly branches: readonly Branch[] }
  | { readonly type: "range"; readonly names: readonly string[]; readonly expression: string; readonly body: Node[] };
/** `condition` undefined: else. */
type Branch = { readonly condition: string | undefined; readonly body: Node[] };

function merged(base: Scope, over: Readonly<Record<string, unknown>>): Scope {
  const result: Scope = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = base[key];
    result[key] = isMap(value) && isMap(below) ? merged(below, value) : value;
  }
  return result;
}

const isMap = (value: unknown): value is Scope => typeof value === "object" && value !== null && !Array.isArray(value);

/** Go's truth: zero values are false. */
function holds(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isMap(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

function parseTemplate(source: string, defined: Map<string, Node[]>, file: string): Node[] {
  // Trim markers take all white space beside them, as in Go.
  const pieces = source
    .replaceAll(/\s*\{\{-\s/g, "{{ ")
    .replaceAll(/\s-\}\}\s*/g, " }}")
    .split(/(\{\{[\s\S]*?\}\})/);
  let at = 0;
  const body = (): { nodes: Node[]; end: string } => {
    const nodes: Node[] = [];
    for (; at < pieces.length; ) {
      const piece = pieces[at++]!;
      if (!piece.startsWith("{{")) {
        if (piece !== "") nodes.push({ type: "text", text: piece });
        continue;
      }
      const action = piece.slice(2, -2).trim();
      const [word = ""] = action.split(/\s/, 1);
      const rest = action.slice(word.length).trim();
      if (word.startsWith("/*")) continue;
      if (word === "end" || word === "else") return { nodes, end: action };
      if (word === "if" || word === "with") nodes.push({ type: word, branches: branches(rest) });
      else if (word === "range") nodes.push(range(rest));
      else if (word === "define") defined.set(unquoted(rest), closed());
      else {
        const [, name, operator, expression] = /^(\$\w*)\s*(:?=)\s*([\s\S]+)$/.exec(action) ?? [];
        if (name === undefined) nodes.push({ type: "output", expression: action });
        else nodes.push({ type: "set", name, declares: operator === ":=", expression: expression! });
      }
    }
    return { nodes, end: "" };
  };
  const closed = (): Node[] => {
    const { nodes, end } = body();
    if (end !== "end") throw new Error(`${file}: ${end === "" ? "an end is missing" : `${end} stands wrong`}`);
    return nodes;
  };
  const branches = (first: string): Branch[] => {
    const found: Branch[] = [];
    for (let condition: string | undefined = first; ; ) {
      const { nodes, end } = body();
      found.push({ condition, body: nodes });
      if (end === "end") return found;
      if (!end.startsWith("else")) throw new Error(`${file}: an end is missing`);
      condition = /^else if (.+)$/.exec(end)?.[1];
    }
  };
  const range = (rest: string): Node => {
    const [, names, expression] = /^(\$\w+(?:\s*,\s*\$\w+)?)\s*:=\s*(.+)$/.exec(rest) ?? [];
    return {
      type: "range",
      names: names?.split(",").map((name) => name.trim()) ?? [],
      expression: expression ?? rest,
      body: closed(),
    };
  };
  const { nodes, end } = body();
  if (end !== "") throw new Error(`${file}: ${end} without a beginning`);
  return nodes;
}

const unquoted = (text: string): string => JSON.parse(text) as string;

class Renderer {
  readonly #defined: Map<string, Node[]>;
  readonly #secrets: Readonly<Record<string, unknown>>;

  constructor(defined: Map<string, Node[]>, secrets: Readonly<Record<string, unknown>>) {
    this.#defined = defined;
    this.#secrets = secrets;
  }

  render(nodes: readonly Node[], dot: unknown, variables: Variables): string {
    return nodes.map((node) => this.#node(node, dot, variables)).join("");
  }

  #node(node: Node, dot: unknown, variables: Variables): string {
    switch (node.type) {
      case "text":
        return node.text;
      case "output":
        return shown(this.#evaluate(node.expression, dot, variables));
      case "set":
        if (!node.declares && !variables.has(node.name)) throw new Error(`${node.name} is not declared`);
        variables.set(node.name, this.#evaluate(node.expression, dot, variables));
        return "";
      case "range": {
        const list = this.#evaluate(node.expression, dot, variables);
        const entries = Array.isArray(list)
          ? list.map((value, index) => [index, value] as const)
          : Object.entries((list ?? {}) as Scope).sort(([a], [b]) => (a < b ? -1 : 1));
        const [key, value] = node.names.length === 2 ? node.names : [undefined, node.names[0]];
        return entries
          .map(([index, item]) => {
            if (key !== undefined) variables.set(key, index);
            if (value !== undefined) variables.set(value, item);
            return this.render(node.body, item, variables);
          })
          .join("");
      }
      default: {
        for (const { condition, body } of node.branches) {
          const value = condition === undefined ? true : this.#evaluate(condition, dot, variables);
          if (!holds(value)) continue;
          return this.render(body, node.type === "with" && condition !== undefined ? value : dot, variables);
        }
        return "";
      }
    }
  }

  #evaluate(expression: string, dot: unknown, variables: Variables): unknown {
    const tokens = expression.match(/"(?:[^"\\]|\\.)*"|[()|]|[^\s()|]+/g) ?? [];
    let at = 0;
    const pipeline = (): unknown => {
      let value = command();
      while (tokens[at] === "|") {
        at++;
        value = command(value);
      }
      return value;
    };
    const operand = (): unknown => {
      const token = tokens[at++]!;
      if (token !== "(") return this.#value(token, dot, variables);
      const value = pipeline();
      if (tokens[at++] !== ")") throw new Error(`a bracket is open in: ${expression}`);
      return value;
    };
    const command = (...piped: unknown[]): unknown => {
      const name = tokens[at]!;
      const isCall = /^[a-zA-Z]\w*$/.test(name) && name !== "true" && name !== "false";
      if (!isCall) return operand();
      at++;
      const given: unknown[] = [];
      while (at < tokens.length && tokens[at] !== "|" && tokens[at] !== ")") given.push(operand());
      return this.#call(name, [...given, ...piped]);
    };
    const value = pipeline();
    if (at < tokens.length) throw new Error(`not understood: ${expression}`);
    return value;
  }

  #value(token: string, dot: unknown, variables: Variables): unknown {
    if (token.startsWith('"')) return unquoted(token);
    if (/^-?\d+$/.test(token)) return Number(token);
    if (token === "true" || token === "false") return token === "true";
    const [, variable, path] = /^(\$\w*)?((?:\.\w*)*)$/.exec(token) ?? [];
    if (path === undefined) throw new Error(`not understood: ${token}`);
    if (variable !== undefined && !variables.has(variable)) throw new Error(`${variable} is not declared`);
    const from = variable === undefined ? dot : variables.get(variable);
    return path
      .split(".")
      .filter((part) => part !== "")
      .reduce<unknown>((value, part) => (isMap(value) ? value[part] : undefined), from);
  }

  #call(name: string, args: readonly unknown[]): unknown {
    if (name === "include") {
      const body = this.#defined.get(String(args[0]));
      if (body === undefined) throw new Error(`there is no template ${String(args[0])}`);
      return this.render(body, args[1], new Map([["$", args[1]]]));
    }
    if (name === "lookup") return this.#secrets[String(args[3])] ?? {};
    const run = FUNCTIONS[name];
    if (run === undefined) throw new Error(`the function ${name} is not known here; add it to helm-template.ts`);
    return run(...args);
  }
}

const shown = (value: unknown): string =>
  value === undefined || value === null ? "" : String(value as string | number | boolean);
const indented = (width: unknown, text: unknown): string => String(text).replaceAll(/^/gm, " ".repeat(Number(width)));

const FUNCTIONS: Readonly<Record<string, (...args: unknown[]) => unknown>> = {
  default: (fallback, value) => (holds(value) ? value : fallback),
  quote: (value) => (value === undefined ? "" : JSON.stringify(shown(value))),
  toYaml: (value) => stringify(value, { lineWidth: 0 }).trimEnd(),
  nindent: (width, text) => `\n${indented(width, text)}`,
  indent: indented,
  printf: (pattern, ...values) => {
    let at = 0;
    return String(pattern).replaceAll(/%[sd]/g, () => shown(values[at++]));
  },
  trunc: (length, text) => String(text).slice(0, Number(length)),
  trimSuffix: (suffix, text) =>
    String(text).endsWith(String(suffix)) ? String(text).slice(0, -String(suffix).length) : text,
  eq: (a, b) => a === b,
  not: (value) => !holds(value),
  and: (...values) => values.find((value) => !holds(value)) ?? values.at(-1),
  or: (...values) => values.find(holds) ?? values.at(-1),
  has: (item, list) => (list as unknown[]).includes(item),
  list: (...items) => items,
  dict: (...pairs) =>
    Object.fromEntries(pairs.flatMap((key, at) => (at % 2 === 0 ? [[String(key), pairs[at + 1]]] : []))),
  get: (map, key) => (map as Scope)[String(key)] ?? "",
  ternary: (yes, no, condition) => (holds(condition) ? yes : no),
  add: (...numbers) => numbers.reduce<number>((sum, number) => sum + Number(number), 0),
  mul: (...numbers) => numbers.reduce<number>((product, number) => product * Number(number), 1),
  b64enc: (text) => Buffer.from(String(text)).toString("base64"),
  sha256sum: (text) => createHash("sha256").update(String(text)).digest("hex"),
  randAlphaNum: (length) => "x".repeat(Number(length)),
  required: (message, value) => {
    if (!holds(value)) throw new Error(String(message));
    return value;
  },
  fail: (message) => {
    throw new Error(String(message));
  },
};
