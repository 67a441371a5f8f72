/** Sentences to start with. The second and the third share one: speak both and see a partial hit. */
export const EXAMPLES: readonly { readonly label: string; readonly text: string }[] = [
  { label: "Greeting", text: "Good morning! Your table for two is ready by the window." },
  { label: "Phone line", text: "Thank you for calling. You are number three in the queue." },
  { label: "Phone line, later", text: "Thank you for calling. You are next, please stay on the line." },
  { label: "Numbers", text: "Gate B12 closes at 18:45. The flight takes 2 hours and 20 minutes, and costs €149.50." },
  {
    label: "Story",
    text: "The mynah heard the word once. It tilted its head, thought about it, and said it back exactly as it was.",
  },
];
