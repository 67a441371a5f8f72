/** What the support knows. Yours asks a language model or a database here. */
const ANSWERS: readonly (readonly [RegExp, string])[] = [
  [/password/i, "I can help you with that. Open the settings, choose security, and then reset your password."],
  [/refund|money/i, "I am sorry that it did not fit. A refund reaches your account within five days."],
  [/hours|open/i, "We are open from nine to five, Monday to Friday."],
];

export function answerTo(question: string): string {
  return ANSWERS.find(([about]) => about.test(question))?.[1] ?? "Let me find somebody who knows. One moment, please.";
}
