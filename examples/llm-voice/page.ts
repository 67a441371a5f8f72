import { connect, type SpokenWord } from "@mynah/client";
import { createPlayer, type Playback } from "@mynah/client/player";

const find = <T extends HTMLElement>(selector: string): T => document.querySelector<T>(selector)!;
const [form, input, button] = [
  find<HTMLFormElement>("form"),
  find<HTMLInputElement>("input"),
  find<HTMLButtonElement>("#interrupt"),
];
const [state, reply, history] = [find("#state"), find("#reply"), find("#history")];

const socket = connect({ baseUrl: location.origin }); // with keys: token: () => fetch("/my-token").then((r) => r.text())
const player = createPlayer();
let speaking: { playback: Playback; abort: AbortController } | undefined;

/** Writes and speaks at the same time. Resolves when the last word was heard, or it was interrupted. */
async function ask(question: string): Promise<void> {
  interrupt(); // barge-in: whoever speaks is not spoken over
  const abort = new AbortController();
  reply.replaceChildren();
  const text = readReply(question, abort.signal);
  const utterance = socket.stream(text, { voice: "alloy", format: "pcm", words: true });
  const playback = player.play(utterance, { onWord: show });
  speaking = { playback, abort };
  button.disabled = false;
  void playback.begun.then(() => tell("speaking"));
  const { outcome, heard } = await playback.ended;
  // What was not heard was not said: the model must not believe that it was.
  remember(`${heard.map((word) => word.text).join(" ")}${outcome === "stopped" ? " … (interrupted)" : ""}`);
  if (speaking?.playback === playback) {
    speaking = undefined;
    button.disabled = true;
    tell("silent");
  }
}

function interrupt(): void {
  speaking?.playback.stop(); // silence now, then the gateway stops, then the model
  speaking?.abort.abort();
}

/** The words of an OpenAI-like stream of server-sent events. */
async function* readReply(question: string, signal: AbortSignal): AsyncGenerator<string> {
  const response = await fetch(`/chat?question=${encodeURIComponent(question)}`, { signal });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      if (event === "data: [DONE]") return;
      const { choices } = JSON.parse(event.slice("data: ".length)) as { choices: { delta: { content: string } }[] };
      yield choices[0]?.delta.content ?? "";
    }
  }
}

function show(word: SpokenWord): void {
  const mark = Object.assign(document.createElement("span"), { className: "heard", textContent: `${word.text} ` });
  reply.append(mark);
}

function remember(text: string): void {
  history.append(Object.assign(document.createElement("li"), { textContent: text }));
}

function tell(what: string): void {
  state.textContent = what;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void player.unlock();
  ask(input.value).catch((error: unknown) => tell(String(error)));
});
button.addEventListener("click", interrupt);
