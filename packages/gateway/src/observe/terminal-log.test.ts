import { describe, expect, it } from "vitest";
import { forPeople } from "./terminal-log.ts";

const line = (fields: object) => forPeople(JSON.stringify({ level: 30, time: 1_700_000_000_000, ...fields }));

describe("forPeople()", () => {
  it("shows time, message and fields", () => {
    expect(line({ msg: "speech delivered", engine: "flite", bytes: 12, pid: 1 })).toMatch(
      /^\d\d:\d\d:\d\d speech delivered {2}engine=flite bytes=12$/,
    );
    expect(line({ level: 40, msg: "m" })).toMatch(/ warning: m$/);
  });

  it("lets no name pass for another line, nor a terminal obey it", () => {
    const shown = line({ msg: "m", subject: "ann\n12:00:00 fake\u001b[2J\u009b1m\u202e\u2028x y" });
    expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(shown).toContain(String.raw`subject="ann\n12:00:00 fake\u001b[2J\u{9b}1m\u{202e}\u{2028}x y"`);
  });
});
