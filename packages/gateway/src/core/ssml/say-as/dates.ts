import { cardinal, ordinal, year } from "./number-words.ts";

const MONTHS = "January February March April May June July August September October November December".split(" ");
/** What `format` may name: day, month and year in the order in which they are written. */
const ORDERS = ["mdy", "dmy", "ymd", "ydm", "md", "dm", "ym", "my", "d", "m", "y"] as const;
type Order = (typeof ORDERS)[number];

/**
 * A date in English words. Without a `format` only the order of ISO 8601 is understood, for the others mean different days
 * to different readers. Undefined: this is not a date of that form.
 */
export function date(text: string, format: string | undefined): string | undefined {
  const order = format === undefined ? "ymd" : orderOf(format);
  if (order === undefined) return undefined;
  const numbers = numbersOf(text, order);
  if (numbers?.length !== order.length) return undefined;
  const at = (part: string): number | undefined => numbers[order.indexOf(part)];
  const [day, month, yearNumber] = [at("d"), at("m"), at("y")];
  if (day !== undefined && !(day >= 1 && day <= 31)) return undefined;
  if (month !== undefined && !(month >= 1 && month <= 12)) return undefined;
  const monthDay = [month && MONTHS[month - 1], day && ordinal(day)].filter((part) => part !== undefined).join(" ");
  const said = yearNumber === undefined ? undefined : year(yearNumber);
  return [monthDay, said].filter((part) => part).join(day === undefined ? " " : ", ");
}

/** `ymd`, and `yyyymmdd` as some vendors write it. */
function orderOf(format: string): Order | undefined {
  const letters = format.toLowerCase().replaceAll(/([dmy])\1*/g, "$1");
  return ORDERS.find((order) => order === letters);
}

function numbersOf(text: string, order: Order): number[] | undefined {
  const trimmed = text.trim();
  if (order.length === 3 && /^\d{8}$/.test(trimmed)) {
    const year = order.indexOf("y");
    // The year has four digits, so what stands behind it begins two later.
    return order.split("").map((part, at) => {
      const from = at * 2 + (year < at ? 2 : 0);
      return Number(trimmed.slice(from, from + (part === "y" ? 4 : 2)));
    });
  }
  return /^\d{1,4}(?:[-/. ]\d{1,4}){0,2}$/.test(trimmed) ? trimmed.split(/[-/. ]/).map(Number) : undefined;
}

const CLOCK = /^(\d{1,2})(?::(\d{2}))?(?::(\d{2}))?\s*([ap])?\.?(?:m\.?)?$/i;

/** A time of day in English words; undefined: this is none. Hours above twelve stay as they are: "fourteen thirty". */
export function time(text: string): string | undefined {
  const found = CLOCK.exec(text.trim());
  if (found === null) return undefined;
  const [hour, minute, second] = [Number(found[1]), Number(found[2] ?? 0), Number(found[3] ?? 0)];
  const half = found[4]?.toLowerCase();
  if (found[2] === undefined && half === undefined) return undefined;
  if (hour > (half === undefined ? 24 : 12) || minute > 59 || second > 59) return undefined;
  const seconds = found[3] === undefined ? "" : ` and ${cardinal(second)} second${second === 1 ? "" : "s"}`;
  return `${cardinal(hour)}${minutes(minute, hour, half)}${seconds}${half === undefined ? "" : ` ${half.toUpperCase()} M`}`;
}

function minutes(minute: number, hour: number, half: string | undefined): string {
  if (minute > 9) return ` ${cardinal(minute)}`;
  if (minute > 0) return ` oh ${cardinal(minute)}`;
  if (half !== undefined) return "";
  return hour > 12 || hour === 0 ? " hundred hours" : " o'clock";
}
