import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LanguageDetector } from "../core/ports.ts";
import { createLanguageDetector } from "./language-detector.ts";

const { signal } = new AbortController();
const SENTENCES: Readonly<Record<string, readonly string[]>> = {
  en: ["The meeting is at three o'clock.", "I will call you tomorrow morning.", "Please open the window."],
  de: ["Das Treffen ist um drei Uhr.", "Ich rufe dich morgen früh an.", "Bitte öffne das Fenster."],
  fr: ["La réunion est à trois heures.", "Je t'appelle demain matin.", "Ouvre la fenêtre, s'il te plaît."],
  es: ["La reunión es a las tres.", "Te llamo mañana por la mañana.", "Abre la ventana, por favor."],
  it: ["La riunione è alle tre.", "Ti chiamo domani mattina.", "Apri la finestra, per favore."],
  pt: ["A reunião é às três horas.", "Eu ligo para você amanhã de manhã."],
  nl: ["De vergadering is om drie uur.", "Doe het raam open, alsjeblieft."],
  pl: ["Spotkanie jest o trzeciej.", "Proszę otworzyć okno."],
  sv: ["Mötet är klockan tre.", "Jag ringer dig imorgon bitti."],
  ja: ["会議は三時です。"],
  zh: ["会议三点开始。"],
  ru: ["Встреча начинается в три часа."],
};

describe("createLanguageDetector()", () => {
  let detector: LanguageDetector;
  beforeAll(() => {
    detector = createLanguageDetector();
  });
  afterAll(() => detector.close());

  it("tells sentences of twelve languages apart", async () => {
    const among = Object.keys(SENTENCES);
    for (const [language, sentences] of Object.entries(SENTENCES))
      for (const sentence of sentences)
        expect([sentence, await detector.detect(sentence, among, { signal })]).toEqual([sentence, language]);
  });

  it("says nothing of what is too short to tell", async () => {
    for (const text of ["Hello", "OK.", "3 + 4", "Berlin", "…"])
      expect([text, await detector.detect(text, ["en", "de"], { signal })]).toEqual([text, undefined]);
  });

  it("names no language that nobody speaks", async () => {
    expect(await detector.detect("Das Treffen ist um drei Uhr.", ["en", "de"], { signal })).toBe("de");
    expect(await detector.detect("Das Treffen ist um drei Uhr.", ["en"], { signal })).not.toBe("de");
  });
});
