/** As much of JSON Schema as our routes use. */
export type Schema = {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly format?: string;
};

/** One row of a table of fields; those inside of an object or a list come after it, by their whole path. */
export type Field = {
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  /** Default and bounds, in words; empty: none. */
  readonly limits: string;
  readonly description: string;
};

/** What may stand there: `string`, `"a" or "b"`, `list of number`. */
export function typeText(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(", ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeText).join(" or ");
  if (schema.type === "array") return `list of ${schema.items === undefined ? "anything" : typeText(schema.items)}`;
  if (schema.type === "string" && schema.format === "binary") return "bytes";
  return schema.type ?? "anything";
}

/** Default and bounds, in words. */
export function limitsText(schema: Schema): string {
  const { default: value, minimum, maximum, minLength, maxLength, minItems, maxItems, pattern } = schema;
  const bounds = [
    value === undefined ? undefined : `default ${JSON.stringify(value)}`,
    range(minimum, maximum, ""),
    range(minLength === 1 ? undefined : minLength, maxLength, " characters"),
    range(minItems, maxItems, " items"),
    pattern === undefined ? undefined : `matches ${pattern}`,
  ];
  return bounds.filter((one) => one !== undefined).join("; ");
}

function range(from: number | undefined, to: number | undefined, unit: string): string | undefined {
  if (from !== undefined && to !== undefined) return `${from} to ${to}${unit}`;
  if (to !== undefined) return `at most ${to}${unit}`;
  return from === undefined ? undefined : `at least ${from}${unit}`;
}

/** All fields of an object, in the order in which they are defined. */
export function fieldsOf(schema: Schema, prefix = ""): Field[] {
  const required = new Set(schema.required);
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    return [row(path, field, required.has(name)), ...inner(field, path)];
  });
  const { additionalProperties: others } = schema;
  if (typeof others !== "object" || Object.keys(others).length === 0) return own;
  const path = `${prefix}…`;
  return [...own, row(path, others, false), ...inner(others, path)];
}

function row(path: string, schema: Schema, required: boolean): Field {
  const { description = "" } = schema;
  return { path, type: typeText(schema), required, limits: limitsText(schema), description };
}

/** What lies inside of a field: an object's fields, a list's items', one of several shapes'. */
function inner(schema: Schema, path: string): Field[] {
  if (schema.type === "object") return fieldsOf(schema, `${path}.`);
  if (schema.type === "array" && schema.items !== undefined) return inner(schema.items, `${path}[]`);
  return (schema.anyOf ?? []).flatMap((one) => inner(one, path));
}
