import { request } from "node:http";
import { connectSocket } from "../../test/support/socket-client.ts";

export const SOAK_FORMATS = ["pcm", "flac", "mp3", "opus"] as const;
export type Manner = "whole" | "leaves" | "slow reader";
export type Ask = {
  readonly text: string;
  readonly voice: string;
  readonly format: (typeof SOAK_FORMATS)[number];
  readonly user: string;
  readonly manner: Manner;
  readonly overSocket: boolean;
};
/** What came of it. `admitted`: audio was promised, so a limit has let it in. */
export type Answer =
  | { readonly how: "delivered"; readonly body: Buffer; readonly admitted: true }
  | { readonly how: "left"; readonly admitted: boolean }
  | { readonly how: "refused" | "failed" | "cut"; readonly code: string; readonly admitted: boolean };

/** Longer than anything may take, the freeze of a gateway included. */
const GIVE_UP_MS = 30_000;
const SLOW_PAUSE_MS = 200;

export function ask(port: number, question: Ask): Promise<Answer> {
  return question.overSocket ? overSocket(port, question) : overHttp(port, question);
}

function refusedOrFailed(code: string, admitted = false): Answer {
  if (code === "rate_limit_exceeded") return { how: "refused", code, admitted: false };
  return { how: admitted ? "cut" : "failed", code, admitted };
}

function overHttp(port: number, { text, voice, format, user, manner }: Ask): Promise<Answer> {
  const body = JSON.stringify({ model: "auto", input: text, voice, response_format: format, user });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const sent = request(
    { port, host: "127.0.0.1", path: "/v1/audio/speech", method: "POST", headers, agent: false },
    (response) => {
      const admitted = response.statusCode === 200;
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (manner === "leaves" && admitted) {
          resolve({ how: "left", admitted });
          sent.destroy();
        } else if (manner === "slow reader") {
          response.pause();
          setTimeout(() => response.resume(), SLOW_PAUSE_MS);
        }
      });
      response.on("error", (error: NodeJS.ErrnoException) => resolve(refusedOrFailed(error.code ?? "cut", admitted)));
      response.on("close", () => resolve(refusedOrFailed("closed", admitted))); // if nothing else was said
      response.on("end", () => {
        const whole = Buffer.concat(chunks);
        if (admitted) resolve({ how: "delivered", body: whole, admitted });
        else resolve(refusedOrFailed(/"code": *"(\w+)"/.exec(whole.toString())?.[1] ?? `http_${response.statusCode}`));
      });
    },
  );
  sent.on("error", (error: NodeJS.ErrnoException) => resolve(refusedOrFailed(error.code ?? error.message)));
  const timer = setTimeout(() => {
    resolve(refusedOrFailed("gave_up"));
    sent.destroy();
  }, GIVE_UP_MS);
  sent.end(body);
  return promise.finally(() => clearTimeout(timer));
}

async function overSocket(port: number, question: Ask): Promise<Answer> {
  const { promise: late, resolve: giveUp } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => giveUp("late"), GIVE_UP_MS);
  const opening = connectSocket({ url: `http://127.0.0.1:${port}` });
  try {
    const client = await Promise.race([opening, late]);
    if (client === "late") return refusedOrFailed("gave_up");
    const { text, voice, format, user } = question;
    client.send({ type: "speak", id: "a", text, voice, format, user });
    const begun = () => client.heard("a").started !== undefined;
    if (question.manner === "leaves") {
      await Promise.race([client.message("started"), client.last("a"), late]);
      if (begun()) return { how: "left", admitted: true };
    }
    const last = await Promise.race([client.last("a"), late]);
    if (last === "late") return refusedOrFailed("gave_up", begun());
    if (last.type === "error") return refusedOrFailed(last.code, begun());
    return { how: "delivered", body: client.heard("a").audio, admitted: true };
  } catch (error) {
    return refusedOrFailed(/ECONN\w+|EPIPE/.exec(String(error))?.[0] ?? "closed");
  } finally {
    clearTimeout(timer);
    opening.then(({ socket }) => socket.terminate()).catch(() => {});
  }
}
