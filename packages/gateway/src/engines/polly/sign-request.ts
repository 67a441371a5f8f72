import { createHash, createHmac } from "node:crypto";

export type AwsCredentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken?: string | undefined;
};

export type RequestToSign = {
  readonly method: string;
  readonly url: URL;
  /** Those that are signed, names in small letters; without `host`, which always is. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly region: string;
  readonly service: string;
  readonly nowMs: number;
};

const ALGORITHM = "AWS4-HMAC-SHA256";

/** The headers of a request to AWS with its signature (Signature Version 4), which holds for some minutes around `nowMs`. */
export function signedHeaders(request: RequestToSign, credentials: AwsCredentials): Record<string, string> {
  const { sessionToken: token } = credentials;
  const date = new Date(request.nowMs).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const headers = {
    ...request.headers,
    "x-amz-date": date,
    ...(token !== undefined && { "x-amz-security-token": token }),
  };
  return { ...headers, authorization: authorizationOf({ ...request, headers }, date, credentials) };
}

/** What `authorization` must be for these headers at this time: `20260131T235959Z`. */
export function authorizationOf(request: RequestToSign, date: string, credentials: AwsCredentials): string {
  const { method, url, body, region, service } = request;
  const headers = Object.entries({ ...request.headers, host: url.host }).sort(([a], [b]) => (a < b ? -1 : 1));
  const names = headers.map(([name]) => name).join(";");
  const lines = headers.map(([name, value]) => `${name}:${value.trim().replace(/ +/g, " ")}\n`).join("");
  const query = [...url.searchParams].map(([name, value]) => `${encoded(name)}=${encoded(value)}`).sort();
  const canonical = [method, url.pathname, query.join("&"), lines, names, sha256(body)].join("\n");
  const scope = `${date.slice(0, 8)}/${region}/${service}/aws4_request`;
  const key = [date.slice(0, 8), region, service, "aws4_request"].reduce(hmac, `AWS4${credentials.secretAccessKey}`);
  const signature = hmac(key, [ALGORITHM, date, scope, sha256(canonical)].join("\n")).toString("hex");
  return `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
}

/** As RFC 3986 has it: `encodeURIComponent` leaves five more characters as they are. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
