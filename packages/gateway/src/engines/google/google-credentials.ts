import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { EngineConfigError } from "../engine-config-error.ts";

const TOKEN_URI = "https://oauth2.googleapis.com/token";
const SCOPE = "https://www.googleapis.com/auth/cloud-platform";
const TOKEN_LIFETIME_S = 3600;

const File = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("service_account"),
    client_email: z.string().min(1),
    private_key: z.string().min(1),
    private_key_id: z.string().optional(),
    token_uri: z.url().default(TOKEN_URI),
  }),
  z.object({
    type: z.literal("authorized_user"),
    client_id: z.string().min(1),
    client_secret: z.string().min(1),
    refresh_token: z.string().min(1),
    token_uri: z.url().default(TOKEN_URI),
    quota_project_id: z.string().optional(),
  }),
]);

/** How an access token is asked for. */
export type TokenAsk = {
  readonly url: string;
  readonly init: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: string;
  };
};

export type GoogleCredentials = {
  /** Made anew for each token: some hold the time. */
  readonly tokenAsk: (nowMs: number) => TokenAsk;
  /** Of every request, beside the token. */
  readonly headers: Readonly<Record<string, string>>;
};

/** Of the machine that we run on: Compute Engine, Cloud Run, GKE. */
export function metadataCredentials(metadataUrl: string): GoogleCredentials {
  const url = `${metadataUrl}/computeMetadata/v1/instance/service-accounts/default/token`;
  return { tokenAsk: () => ({ url, init: { method: "GET", headers: { "metadata-flavor": "Google" } } }), headers: {} };
}

/** A service account's key, or what `gcloud auth application-default login` wrote. Throws an EngineConfigError. */
export function fileCredentials(path: string, engine: string): GoogleCredentials {
  const file = readCredentials(path, engine);
  const ask = (fields: Record<string, string>): TokenAsk => ({
    url: file.token_uri,
    init: {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams(fields).toString(),
    },
  });
  if (file.type === "authorized_user") {
    const { client_id, client_secret, refresh_token, quota_project_id: project } = file;
    const fields = { grant_type: "refresh_token", client_id, client_secret, refresh_token };
    return { tokenAsk: () => ask(fields), headers: project === undefined ? {} : { "x-goog-user-project": project } };
  }
  const key = privateKey(file.private_key, path, engine);
  const header = { alg: "RS256", typ: "JWT", ...(file.private_key_id !== undefined && { kid: file.private_key_id }) };
  return {
    headers: {},
    tokenAsk(nowMs) {
      const iat = Math.floor(nowMs / 1000);
      const times = { iat, exp: iat + TOKEN_LIFETIME_S };
      const claims = { iss: file.client_email, scope: SCOPE, aud: file.token_uri, ...times };
      const signed = `${base64Url(header)}.${base64Url(claims)}`;
      const signature = sign("RSA-SHA256", Buffer.from(signed), key).toString("base64url");
      const grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
      return ask({ grant_type, assertion: `${signed}.${signature}` });
    },
  };
}

function base64Url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** Whatever goes wrong, nothing of the file gets into the message. */
function readCredentials(path: string, engine: string): z.infer<typeof File> {
  const wrong = (why: string): EngineConfigError => new EngineConfigError(`engine "${engine}": credentials: ${why}`);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    const why = cause instanceof SyntaxError ? "is no JSON" : "cannot be read";
    throw wrong(`${path} ${why}; give the path of a key in JSON, or "metadata"`);
  }
  const { success, data, error } = File.safeParse(json);
  if (success) return data;
  const field = error.issues[0]?.path.join(".") ?? "type";
  throw wrong(`${path} is no key of a service account or user (its "${field}"); give another, or "metadata"`);
}

function privateKey(pem: string, path: string, engine: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new EngineConfigError(`engine "${engine}": credentials: the private_key in ${path} cannot be read`);
  }
}
