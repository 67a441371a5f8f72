import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";

const TRACE = new URL("../../../../../shared/traces/sgd-system-utterances.txt.gz", import.meta.url);

/** Replies of a real assistant, one per entry, from MYNAH_TRACE or beside the repository; undefined where there is none. */
export function traceReplies(): readonly string[] | undefined {
  try {
    const packed = readFileSync(process.env.MYNAH_TRACE ?? TRACE);
    return gunzipSync(packed).toString("utf8").split("\n").filter(Boolean);
  } catch {
    return undefined;
  }
}

/** Bits that sentence rules fight over, in every script that has rules of its own, with the hostile ones between. */
const BITS = [
  ...[
    "Dr. Smith",
    "e.g. this",
    "U.S. Army",
    "7.30 p.m.",
    "No. 5",
    "St. Mary",
    "J. K. Rowling",
    "Acme Inc. It",
    "am 3. Oktober",
  ],
  ...[
    "1. Milk",
    "2. Bread",
    "- eggs",
    "• one",
    "3.14",
    "1,000.50",
    "https://a.b/c?d=E!F",
    "x@y.de",
    "v1.2.3",
    "...",
    "…",
    ". . .",
  ],
  ...[
    "Hello",
    "world.",
    "Really?",
    "Wow!",
    "yes",
    "I",
    "you.",
    "I'm",
    "The",
    "there",
    '"Go!"',
    "(ok.)",
    "« Oui. »",
    "”",
    "'",
    ")",
    "**b.**",
  ],
  ...[
    "今日は。",
    "元気ですか？",
    "「はい。」と",
    "你好",
    "，",
    "สวัสดีครับ",
    "नमस्ते।",
    "مرحبا؟",
    "می\u200cخواهم",
    "Γεια;",
    "한국어",
    "각",
  ],
  ...[
    "👩‍👩‍👧‍👦",
    "🇩🇪",
    "👍🏽",
    "❤️",
    "1️⃣",
    "e\u0301",
    "e\u0323\u0301",
    "\u0301",
    "\u1100",
    "\u1161",
    "\u1100\u1161\u11a8",
    "\u11a8",
    "\u212b",
    "ﬁ",
    "\u0958",
  ],
  ...[
    "\ud83d",
    "\ude00",
    "\0",
    "\ufeff",
    "\u202e",
    "\u200b",
    "\u200d",
    "\u200c",
    "\u00ad",
    "\u3164",
    "\uffff",
    "\u{e0041}",
  ],
  ...[
    " ",
    " ",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    "\u00a0",
    "\u2029",
    "\u3000",
    ".",
    "!",
    "?",
    ",",
    ";",
    ":",
    "-",
    "—",
  ],
] as const;

/** Raw text as hostile callers and language models send it. */
export const rawText = (maxLength = 40): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...BITS) },
        { weight: 3, arbitrary: fc.constantFrom(" ", ". ", "! ", "\n") },
        { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 4 }) },
        { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 6 }) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) },
      ),
      { maxLength },
    )
    .map((bits) => bits.join(""));

/** Milliseconds of processor time that `run` takes at best: what else the machine does must not fail a test. */
export function fastestMs(run: () => void, times = 3): number {
  return Math.min(
    ...Array.from({ length: times }, () => {
      const start = process.cpuUsage();
      run();
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1000;
    }),
  );
}

/** Texts that make careless patterns explode, `length` characters long. */
export const HOSTILE: Record<string, (length: number) => string> = {
  "one letter": (n) => "a".repeat(n),
  "white space": (n) => " ".repeat(n),
  "white space before a letter": (n) => `${" \t\u00a0".repeat(n / 3)}x`,
  "line breaks": (n) => "\n".repeat(n),
  dots: (n) => ".".repeat(n),
  "spaced dots": (n) => ". ".repeat(n / 2),
  "marks and quotes": (n) => '!")'.repeat(n / 3),
  brackets: (n) => "(".repeat(n),
  "dot and brackets": (n) => `. ${"(".repeat(30)}`.repeat(n / 32),
  "single letters": (n) => "A. ".repeat(n / 3),
  acronyms: (n) => "U.S. ".repeat(n / 5),
  numbers: (n) => "1. 2. ".repeat(n / 6),
  "combining marks": (n) => `a${"\u0301\u0323".repeat(n / 2)}`,
  joiners: (n) => "\u200d".repeat(n),
  "an endless emoji": (n) => "👩\u200d".repeat(n / 3),
  "lone surrogates": (n) => "\ud800".repeat(n),
  "bidi controls": (n) => "\u202e".repeat(n),
  Thai: (n) => "สวัสดีครับ".repeat(n / 10),
  Chinese: (n) => "你好世界".repeat(n / 4),
  "CJK full stops": (n) => "。".repeat(n),
  sentences: (n) => "This is a sentence, more or less. ".repeat(n / 34),
};
