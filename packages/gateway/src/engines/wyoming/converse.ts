import { connect } from "node:net";
import { SpeechError } from "../../core/errors.ts";
import { EventStream, type ReceivedEvent } from "./event-stream.ts";

export type Address = { readonly engine: string; readonly host: string; readonly port: number };

/**
 * Sends one event over a connection of its own and yields what comes back, at the reader's pace, until the server closes.
 * Leaving the loop or aborting closes the connection, which is how a server learns that nobody listens. Throws
 * `engine_failed` for a server that is not there, breaks off or speaks something else, or the signal's reason.
 */
export async function* converse(
  { engine, host, port }: Address,
  type: string,
  data: Readonly<Record<string, unknown>> | undefined,
  signal: AbortSignal,
): AsyncGenerator<ReceivedEvent> {
  signal.throwIfAborted();
  const socket = connect({ host, port, noDelay: true });
  const leave = (): void => void socket.destroy();
  signal.addEventListener("abort", leave, { once: true });
  let connected = false;
  socket.once("connect", () => {
    connected = true;
  });
  try {
    socket.write(encoded(type, data));
    const events = new EventStream();
    for await (const bytes of socket) yield* events.push(bytes as Buffer);
  } catch (cause) {
    signal.throwIfAborted();
    const why = connected ? "broke off or is no Wyoming server" : "is unreachable";
    throw new SpeechError("engine_failed", `${engine} ${why}`, { cause, engine });
  } finally {
    signal.removeEventListener("abort", leave);
    socket.destroy();
  }
  signal.throwIfAborted();
}

/** As the reference writes it: data in a block behind the line, which may then be of any length. */
function encoded(type: string, data: Readonly<Record<string, unknown>> | undefined): Buffer {
  const block = data === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(data));
  const line = JSON.stringify({ type, ...(data && { data_length: block.byteLength }) });
  return Buffer.concat([Buffer.from(`${line}\n`), block]);
}
