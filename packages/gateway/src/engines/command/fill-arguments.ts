/** What an argument may name in braces. */
export const PLACEHOLDERS = ["text", "file", "voice", "speed", "lengthScale", "wordsPerMinute", "language"] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

const NAMED = /\{(\w+)\}/g;

/** Names in braces that these arguments use, known or not. */
export function placeholdersIn(args: readonly string[]): Set<string> {
  return new Set(args.flatMap((arg) => [...arg.matchAll(NAMED)].map(([, name]) => name!)));
}

/**
 * The arguments with values put into them. Each stays one argument, whatever the value holds: no shell ever reads them.
 * A value cannot become an option either: where the argument is not one by itself, and no `--` stands before it, a
 * leading `-` gets a space in front.
 */
export function fillArguments(args: readonly string[], values: Readonly<Record<Placeholder, string>>): string[] {
  const optionsEnd = args.indexOf("--");
  return args.map((arg, at) => {
    const filled = arg.replace(NAMED, (whole, name: string) =>
      Object.hasOwn(values, name) ? values[name as Placeholder] : whole,
    );
    const afterOptions = optionsEnd >= 0 && at > optionsEnd;
    return filled.startsWith("-") && !arg.startsWith("-") && !afterOptions ? ` ${filled}` : filled;
  });
}
