/**
 * Frames of Microsoft's speech services (Edge read-aloud, Azure): a few header lines, then a body. In a text message a
 * blank line is between them; in a binary one the first two bytes say how long the headers are, their last CRLF included.
 * Frames that break these rules throw a plain Error; whoever talks to the service knows under which name to report it.
 */

/** Header names in lower case. */
export type Frame<Body> = { readonly headers: ReadonlyMap<string, string>; readonly body: Body };

const LENGTH_BYTES = 2;

export function textFrame(headers: Readonly<Record<string, string>>, body: string): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\r\n`);
  return `${lines.join("")}\r\n${body}`;
}

export function readTextFrame(message: string): Frame<string> {
  const end = message.indexOf("\r\n\r\n");
  if (end < 0) throw new Error("a text frame without a blank line after its headers");
  return { headers: readHeaders(message.slice(0, end)), body: message.slice(end + 4) };
}

/** The body is a view into the message. */
export function readBinaryFrame(message: Uint8Array): Frame<Uint8Array> {
  if (message.byteLength < LENGTH_BYTES) throw new Error("a binary frame without a length");
  const end = LENGTH_BYTES + new DataView(message.buffer, message.byteOffset, LENGTH_BYTES).getUint16(0);
  if (message.byteLength < end) throw new Error("a binary frame shorter than its headers");
  const headers = readHeaders(new TextDecoder("latin1").decode(message.subarray(LENGTH_BYTES, end)));
  return { headers, body: message.subarray(end) };
}

function readHeaders(text: string): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of text.split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

/** `Sun Nov 22 2026 09:58:13 GMT+0000 (Coordinated Universal Time)`: what JavaScript prints in a browser in UTC, wherever we are. */
export function browserDate(epochMs: number): string {
  const [weekday, day, month, year, time] = new Date(epochMs).toUTCString().replace(",", "").split(" ");
  return `${weekday} ${month} ${day} ${year} ${time} GMT+0000 (Coordinated Universal Time)`;
}
