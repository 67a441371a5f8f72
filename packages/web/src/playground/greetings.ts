import { ownName } from "./voice-groups.ts";

/** "Hello, this is how I sound." for voices that cannot say it in English. */
const GREETINGS: Readonly<Record<string, string>> = {
  en: "Hello. This is how I sound.",
  de: "Hallo. So klinge ich.",
  fr: "Bonjour. Voici ma voix.",
  es: "Hola. Así sueno yo.",
  it: "Ciao. Questa è la mia voce.",
  pt: "Olá. É assim que eu soo.",
  nl: "Hallo. Zo klink ik.",
  sv: "Hej. Så här låter jag.",
  da: "Hej. Sådan lyder jeg.",
  nb: "Hei. Slik høres jeg ut.",
  fi: "Hei. Tältä minä kuulostan.",
  pl: "Cześć. Tak brzmi mój głos.",
  cs: "Ahoj. Takhle zní můj hlas.",
  uk: "Привіт. Ось так я звучу.",
  ru: "Привет. Вот так я звучу.",
  el: "Γεια σας. Έτσι ακούγομαι.",
  tr: "Merhaba. Sesim böyle.",
  ar: "مرحبا. هذا هو صوتي.",
  he: "שלום. כך אני נשמע.",
  hi: "नमस्ते। मेरी आवाज़ ऐसी है।",
  ja: "こんにちは。これが私の声です。",
  ko: "안녕하세요. 제 목소리입니다.",
  zh: "你好。这就是我的声音。",
};

/** What a voice says to be heard: a greeting, or else the name of its language in that language. */
export function greetingOf(tag: string): string {
  const language = tag.split(/[-_]/)[0]?.toLowerCase() ?? "";
  return GREETINGS[language] ?? (ownName(tag) || tag);
}
