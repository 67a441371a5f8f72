/** What the program ends with, for scripts. docs/cli.md is generated from this table. */
export const EXIT_CODES = {
  done: { code: 0, meaning: "done" },
  failed: {
    code: 1,
    meaning: "what was asked could not be done, or not all of it; `doctor` found something that fails",
  },
  usage: {
    code: 2,
    meaning: "used wrongly: a flag, a setting, a file, an address, a key; one line says what to write instead",
  },
  interrupted: { code: 130, meaning: "interrupted (Ctrl-C) while a gateway worked for it" },
} as const;
