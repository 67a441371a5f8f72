/** Stands in for a language model: the same question, the same words. */
export function replyTo(question: string): string {
  if (/weather/i.test(question)) return "It will be sunny in the morning. Later there may be some rain. Take a coat.";
  return (
    "Once upon a time there was a bird that could repeat everything it heard. People came from far away to listen to it. " +
    "One day it heard a new word, and it said that word again and again. By the evening, the whole village knew it."
  );
}
