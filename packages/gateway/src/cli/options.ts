import { type Command, InvalidArgumentError, Option } from "commander";

/** A parser of commander's for a number within bounds. */
export function numberFrom(min: number, max: number, { whole = false } = {}): (raw: string) => number {
  return (raw) => {
    const value = Number(raw);
    if (raw.trim() === "" || !(value >= min && value <= max) || (whole && !Number.isInteger(value)))
      throw new InvalidArgumentError(`Write ${whole ? "a whole number" : "a number"} from ${min} to ${max}.`);
    return value;
  };
}

/** What `mynah doctor` can leave out. */
const PARTS: readonly string[] = ["engines", "codecs", "redis"];

/** A parser of commander's for some of them, separated by commas. */
export function partsOf(raw: string): string[] {
  const parts = raw.split(",").map((part) => part.trim());
  if (parts.every((part) => PARTS.includes(part))) return parts;
  throw new InvalidArgumentError(`Write one or more of ${PARTS.join(",")}.`);
}

/** A command that asks a running gateway. */
export function asksGateway(command: Command): Command {
  return command
    .option("-u, --url <address>", "of the gateway (default: HOST and PORT here)")
    .option("-k, --key <key>", "an API key; for what administrators do the admin key (default: ADMIN_KEY)");
}

export function withJson(command: Command): Command {
  return command.option("--json", "as JSON");
}

export function choice(flags: string, description: string, choices: readonly string[]): Option {
  return new Option(flags, description).choices([...choices]);
}
