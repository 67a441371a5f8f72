/** One event as it was received. Its payload is sound from a microphone, which nobody here listens to. */
export type WyomingEvent = { readonly type: string; readonly data: Readonly<Record<string, unknown>> };

/** That of the reference library whose events these are; readers look at the fields, not at it. */
const PROTOCOL_VERSION = "1.7.2";

/**
 * One event on the wire: a line of JSON, then its data, then its payload. Data always in a block of its own and never
 * within the line, as the reference writes it: Python's readers take no line above 64 KiB, and `info` may be longer.
 */
export function encodeEvent(type: string, data?: Readonly<Record<string, unknown>>, payload?: Uint8Array): Buffer {
  const block = data === undefined ? undefined : Buffer.from(JSON.stringify(data));
  const line = JSON.stringify({
    type,
    version: PROTOCOL_VERSION,
    ...(block && { data_length: block.byteLength }),
    ...(payload && { payload_length: payload.byteLength }),
  });
  return Buffer.concat([Buffer.from(`${line}\n`), ...(block ? [block] : []), ...(payload ? [payload] : [])]);
}
