/**
 * Prints a page of call XML that plays a sentence, for phone systems that read TwiML (Twilio, SignalWire) or have the same
 * two elements (Plivo). The audio is behind a signed link: the phone system needs no key, and fetches µ-law
 * at 8 kHz, which is what a telephone line carries, so that nobody has to convert it again.
 *
 *     MYNAH_URL=https://speech.example.com MYNAH_KEY=… node examples/phone.ts "Your table is ready." > phone.xml
 *
 * Answer the phone system's webhook with what this prints. The link must be one that it can reach: set PUBLIC_URL at the gateway.
 */
const gateway = process.env.MYNAH_URL ?? "http://127.0.0.1:8080";
const key = process.env.MYNAH_KEY;
const text = process.argv[2] ?? "Thank you for calling. Your table is ready.";

const answer = await fetch(`${gateway}/v1/speech/links`, {
  method: "POST",
  headers: { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) },
  // seekable: the gateway answers when it has all of it, for some phone systems want a Content-Length and exact sizes in the header.
  body: JSON.stringify({ text, format: "wav", encoding: "mulaw", rate: 8000, seekable: true, expiresInS: 600 }),
});
const made = (await answer.json()) as { url?: string; error?: { message: string } };
if (made.url === undefined) {
  process.stderr.write(`no link: ${made.error?.message ?? answer.status}\n`);
  process.exit(1);
}

const escaped = made.url.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
process.stdout.write(`<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Play>${escaped}</Play>
</Response>
`);
